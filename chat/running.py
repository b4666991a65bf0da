"""The producers of answers: each turn runs in a task of its own, tied to nobody who asked.

A producer reads OpenRouter, appends to the turn's log and closes the turn. Leaving readers don't touch it; stopping it
ends the request upstream at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Coroutine
from typing import Any

from django.db import DatabaseError

from billing.models import LedgerEntry
from chat import checkpoints, costs, mirror
from chat.documents import message_document
from chat.errors import is_retryable
from chat.events import Citation, Content, Done, Event, Failed, Reasoning, Routing, Start
from chat.models import Message, Turn
from chat.turnlog import logs
from chat.turns import OpenTurn, Outcome, close_turn
from chat.upstream import client
from wisqu.api.threads import in_thread
from wisqu.openrouter.client import ChatStream
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.types import Citation as WireCitation
from wisqu.openrouter.types import Delta

log = logging.getLogger(__name__)

_SERVER_STOPPED = ("interrupted", "The server was restarted while this answer was being written.")
_DELETED = ("conversation_deleted", "This conversation was deleted while the answer was being written.")
_EMPTY = ("empty_answer", "The model gave no answer.")
_OUR_FAULT = ("internal_error", "Something went wrong on our side.")


class RunningTurn:
    """One turn being produced in this process."""

    def __init__(self, opened: OpenTurn) -> None:
        self.opened = opened
        self.turn_log = logs.open(opened.turn_id)
        self.parts: list[str] = []
        self.reasoning: list[str] = []
        self.citations: list[WireCitation] = []
        self.stream: ChatStream | None = None
        self.saved_seq = 0  # what the last checkpoint stored
        self.message: Message | None = None
        self._began = time.monotonic()
        self._first_token_ms: int | None = None
        self._stop_reason: tuple[str, str] | None = None
        self._is_stopped = False
        self._is_streaming = True
        self.task: asyncio.Task[None] | None = None

    @property
    def turn_id(self) -> uuid.UUID:
        """Return the turn's id."""
        return self.opened.turn_id

    def text(self) -> str:
        """Return the answer so far; joining once keeps the next join short."""
        if len(self.parts) > 1:
            self.parts = ["".join(self.parts)]
        return self.parts[0] if self.parts else ""

    def stop(self, *, failure: tuple[str, str] | None = None) -> None:
        """End the request upstream now. The turn ends stopped, or failed with this code and detail."""
        if not self._is_streaming or self._is_stopped:
            return
        self._is_stopped = True
        self._stop_reason = failure
        # A task that never took its first step can't be cancelled into an orderly end; `run` looks for itself.
        if self.task is not None and self.turn_log.last_seq:
            self.task.cancel()

    async def run(self) -> None:
        """Produce the answer and close the turn, whatever happens."""
        self._append(
            Start(
                turn_id=self.turn_id,
                conversation_id=self.opened.conversation_id,
                user_message_id=self.opened.question_id,
                message_id=self.opened.answer.id,
                model=self.opened.request.model,
                created=self.opened.created,
            )
        )
        try:
            outcome = self._stopped_outcome() if self._is_stopped else await self._produce()
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
            current = asyncio.current_task()
            if current is not None:
                current.uncancel()
            outcome = self._stopped_outcome()
        self._is_streaming = False
        await self._close(outcome)

    async def _produce(self) -> Outcome:
        try:
            async with client().stream(self.opened.request) as stream:
                self.stream = stream
                async for delta in stream:
                    self._take(delta)
                completion = stream.completion
        except OpenRouterError as error:
            if error.operator:
                log.error(
                    "the operator has to look at the OpenRouter account", extra={"status": error.status}
                )
            return self._outcome(Turn.Status.FAILED, error=(error.code, error.detail))
        except Exception:
            log.exception("a turn failed unexpectedly")
            return self._outcome(Turn.Status.FAILED, error=_OUR_FAULT)
        has_answer = bool(self.parts or self.reasoning)
        outcome = (
            self._outcome(Turn.Status.DONE) if has_answer else self._outcome(Turn.Status.FAILED, error=_EMPTY)
        )
        outcome.finish_reason = completion.finish_reason or ""
        outcome.models_attempted = completion.models_attempted
        return outcome

    def _take(self, delta: Delta) -> None:
        if self._first_token_ms is None and (delta.content or delta.reasoning):
            self._first_token_ms = self._elapsed_ms()
        if delta.reasoning:
            self.reasoning.append(delta.reasoning)
            self._append(Reasoning(delta.reasoning))
        if delta.content:
            self.parts.append(delta.content)
            self._append(Content(delta.content))
        for citation in delta.citations:
            self.citations.append(citation)
            self._append(Citation(citation.url, citation.title, citation.start, citation.end))

    def _append(self, event: Event) -> None:
        seq, body = self.turn_log.append(event)
        mirror.carry(self.turn_id, seq, body)

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    def _stopped_outcome(self) -> Outcome:
        if self._stop_reason is not None:
            return self._outcome(Turn.Status.FAILED, error=self._stop_reason)
        outcome = self._outcome(Turn.Status.STOPPED)
        outcome.finish_reason = "stopped"
        return outcome

    def _outcome(self, status: str, *, error: tuple[str, str] = ("", "")) -> Outcome:
        stream = self.stream
        return Outcome(
            status=status,
            content=self.text(),
            reasoning="".join(self.reasoning),
            citations=self.citations,
            model=(stream and stream.model) or "",
            provider=(stream and stream.provider) or "",
            generation_id=(stream and stream.generation_id) or "",
            usage=stream.usage if stream else None,
            error_code=error[0],
            error_detail=error[1],
            first_token_ms=self._first_token_ms,
            total_ms=self._elapsed_ms(),
        )

    async def _close(self, outcome: Outcome) -> None:
        """Learn the cost where the stream did not tell it, store, and tell the readers."""
        try:
            if outcome.usage is None and outcome.generation_id:
                outcome.usage, outcome.cache_discount_usd = await costs.look_up(
                    client(), outcome.generation_id
                )
                outcome.cost_source = LedgerEntry.CostSource.LOOKUP
            # The places of the last events are part of what is stored before they exist.
            known = self.turn_log.stream_ends
            outcome.stream_ends = known + known[-4:] * (2 if outcome.model else 1)
            message = await in_thread(
                close_turn,
                turn_id=self.turn_id,
                answer=self.opened.answer,
                outcome=outcome,
                prompt_estimate=self.opened.prompt_estimate,
            )
        except Exception:
            # The sweeper closes it later; what was saved last is what is kept.
            log.exception("a turn could not be closed")
            message = None
        self.message = message or await self._closed_elsewhere()
        if outcome.model:
            self._append(routing_event(self.message))
        self._append(final_event(self.message))

    async def _closed_elsewhere(self) -> Message:
        """Return the answer as somebody else stored it; as failed where nothing can be read."""
        try:
            return await in_thread(Message.objects.get, id=self.opened.answer.id)
        except Message.DoesNotExist:
            reason = _DELETED
        except DatabaseError:
            reason = _OUR_FAULT
        message = self.opened.answer
        message.status, message.content = Message.Status.FAILED, self.text()
        message.error_code, message.error_detail = reason
        return message


def routing_event(message: Message) -> Event:
    """Return the event that tells which models were asked, and which one answered."""
    reason = f"{message.model} was not available" if message.fallback_used else ""
    return Routing(message.models_attempted, message.final_model_used, message.fallback_used, reason)


def final_event(message: Message) -> Event:
    """Return the event that ends the stream of this answer."""
    document = message_document(message)
    if message.status == Message.Status.FAILED:
        return Failed(message.error_code, message.error_detail, is_retryable(message.error_code), document)
    return Done(document)


_running: dict[uuid.UUID, RunningTurn] = {}
_helpers: set[asyncio.Task[Any]] = set()


def start(opened: OpenTurn) -> RunningTurn:
    """Begin to produce the answer; returns at once."""
    turn = RunningTurn(opened)
    _running[turn.turn_id] = turn
    turn.task = asyncio.create_task(_supervise(turn), name=f"turn {turn.turn_id}")
    checkpoints.watch(_running)
    mirror.listen(_running)
    return turn


async def _supervise(turn: RunningTurn) -> None:
    try:
        await turn.run()
    finally:
        _running.pop(turn.turn_id, None)
        logs.close(turn.turn_log)
        mirror.end(turn.turn_id)


def find(turn_id: uuid.UUID) -> RunningTurn | None:
    """Return the turn where this process produces it."""
    return _running.get(turn_id)


def stop(turn_id: uuid.UUID) -> None:
    """Stop the turn here, or tell the other processes to."""
    turn = _running.get(turn_id)
    if turn is not None:
        turn.stop()
    else:
        mirror.tell_to_stop(turn_id)


async def shut_down() -> None:
    """Close every running turn as interrupted, with its text; the server is about to end."""
    turns = list(_running.values())
    for turn in turns:
        turn.stop(failure=_SERVER_STOPPED)
    await asyncio.gather(*(turn.task for turn in turns if turn.task), return_exceptions=True)


def spawn(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run something beside the request, holding the reference that asyncio itself does not hold."""
    task = asyncio.create_task(work)
    _helpers.add(task)
    task.add_done_callback(_helpers.discard)
    return task
