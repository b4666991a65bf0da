"""The producer of one answer: it reads OpenRouter, appends to the turn's log and closes the turn."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import replace
from functools import partial
from typing import Any

from billing.models import LedgerEntry
from chat import (
    checking,
    checkpoints,
    citations,
    costs,
    enclosing,
    fallback,
    joining,
    mending,
    mirror,
    owed,
    pacing,
    payloads,
)
from chat.citations import Cited
from chat.closing import Outcome, close_turn
from chat.endings import OUR_FAULT, ended_elsewhere, final_event, quotations_event, routing_event
from chat.events import Citation, Content, Event, Reasoning, Routing, Start, in_parts
from chat.models import Message, Turn
from chat.telling import ended
from chat.turnlog import logs
from chat.turns import OpenTurn
from chat.upstream import client
from wisqu.api.spawning import spawn
from wisqu.api.threads import in_thread, in_thread_at_last
from wisqu.openrouter.client import ChatStream
from wisqu.openrouter.errors import OpenRouterError, UpstreamUnavailable
from wisqu.openrouter.types import ChatRequest, Completion, Delta
from wisqu.openrouter.types import Citation as WireCitation
from wisqu.telemetry import tracing

log = logging.getLogger(__name__)

# A request that is on its way when its reader stops it may be charged, and only its reply tells its id.
_ID_WITHIN_S = 0.3


class RunningTurn:
    """One turn being produced in this process."""

    def __init__(self, opened: OpenTurn) -> None:
        self.opened = opened
        self.course = fallback.Course(opened.candidates)
        self.turn_log = logs.open(opened.turn_id)
        self.parts: list[str] = []
        self.reasoning: list[str] = []
        self.citations: list[Cited] = []
        self._uncited: list[WireCitation] = []  # whose words are held back by the joiner
        self.stream: ChatStream | None = None
        self.saved_seq = 0  # what the last checkpoint stored
        self.saved_generation = ""
        self.message: Message | None = None
        self._began = time.monotonic()
        self._first_token_ms: int | None = None
        self._stop_reason: tuple[str, str] | None = None
        self._is_stopped = False
        self._is_streaming = True
        self._is_continued = False
        self._said = False  # whether the model that is asked now has said anything
        self._place = 0  # where in the answer its words begin
        self._joiner = joining.Joiner("", told=False)
        self._writer = ("", "")  # model and provider of the last words
        self._owing: list[asyncio.Task[None]] = []
        self._has_owed = False  # from another process, before this one
        self.is_handed_on = False
        # What the server made of files: paid for, whatever became of the answer.
        self._parsed: list[dict[str, Any]] = []
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

    def shown_text(self) -> str:
        """Return what readers have been given of the answer."""
        return self.text()

    def stop(self, *, failure: tuple[str, str] | None = None) -> None:
        """End the request upstream now. The turn ends stopped, or failed with this code and detail.

        One whose generation has no id yet gets a moment to tell it: what it costs could never be asked otherwise.
        """
        if not self._is_streaming or self._is_stopped:
            return
        self._is_stopped = True
        self._stop_reason = failure
        # A task that never took its first step can't be cancelled into an orderly end; `run` looks for itself.
        if self.task is None or not self.turn_log.last_seq:
            return
        if self.stream is not None and self.stream.generation_id is None:
            asyncio.get_running_loop().call_later(_ID_WITHIN_S, self._cancel)
        else:
            self.task.cancel()

    def hand_on(self, *, otherwise: tuple[str, str]) -> None:
        """Let another process go on, where this kind of turn can be (`chat.relaying`); else fail with this."""
        self.stop(failure=otherwise)

    def _cancel(self) -> None:
        """End what is being read now; a turn that ended by itself meanwhile stays as it is."""
        if self.task is not None and self._is_streaming:
            self.task.cancel()

    async def run(self) -> None:
        """Produce the answer and close the turn, whatever happens."""
        if not self.turn_log.last_seq:
            self._append(_start_of(self.opened))
        try:
            outcome = (
                self._stopped_outcome() if self._is_stopped else await self._finish(await self._produce())
            )
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
        """Ask one model after the other, until one has ended the answer or nobody is left to ask."""
        if self.opened.said is not None:
            return self._say(self.opened.said)
        await self._bring_files()
        error: OpenRouterError | None = None
        while (step := self.course.next()) is not None:
            try:
                await asyncio.sleep(step.pause)
                completion = await self._ask(step)
            except OpenRouterError as failure:
                error = failure
                if self._is_stopped:
                    return self._stopped_outcome()
                if not self._may_go_on(step, failure):
                    break
            except Exception:
                log.exception("a turn failed unexpectedly")
                return self._outcome(Turn.Status.FAILED, error=OUR_FAULT)
            else:
                self.course.answered(step, served=completion.model, tried=completion.models_attempted)
                outcome = self._outcome(Turn.Status.DONE)
                outcome.finish_reason = completion.finish_reason or ""
                return outcome
        error = error or UpstreamUnavailable()  # taken over, and its time was up
        if error.operator:
            log.error("the operator has to look at the OpenRouter account", extra={"status": error.status})
        return self._outcome(Turn.Status.FAILED, error=(error.code, error.detail))

    async def _finish(self, outcome: Outcome) -> Outcome:
        """Check what the answer quotes, and have it mended once where that is wrong, wished and allowed."""
        outcome.findings = await self._look_through(outcome.content)
        if not (self.opened.may_mend and outcome.findings.grave and outcome.status == Turn.Status.DONE):
            return outcome
        outcome.repair = mending.Repair(flaws=outcome.findings.grave)
        try:
            await mending.mend(
                outcome.repair, self.opened, outcome.content, outcome.findings, served=outcome.model
            )
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._is_stopped or task is None:
                raise
            task.uncancel()  # whoever stops now has the whole answer already
        return outcome

    def _say(self, text: str) -> Outcome:
        """Give an answer that was known before anybody was asked."""
        self._take(Delta(content=text))
        outcome = self._outcome(Turn.Status.DONE)
        outcome.finish_reason, outcome.model, outcome.is_free = "stop", self.opened.answer.model, True
        return outcome

    async def _bring_files(self) -> None:
        """Put the bytes of attached files into the requests, where they have any."""
        if payloads.is_needed(self.opened.request):
            found = await in_thread(payloads.loaded, self.opened.candidates)
            self.opened = replace(self.opened, candidates=found)
            self.course = replace(self.course, candidates=found)

    async def _ask(self, step: fallback.Step) -> Completion:
        """Have one model write the answer, or the rest of it. Raises OpenRouterError."""
        text = self.text()
        request = joining.continued(step.request, text)
        self._joiner = joining.Joiner(text, told=joining.has_to_be_told(step.request))
        self._said, self._place, self._uncited = False, len(text), []
        if text:
            self._is_continued = True
            if self.course.attempted:  # else it is the one that wrote until here
                model = step.candidate.id
                self._append(Routing(list(self.course.attempted), model, True, self.course.reason(model)))
        with tracing.span("model", model=request.model):
            completion = await self._read(request, step)
        self._write(self._joiner.end())
        self._cite()
        if not self._said:
            raise fallback.EmptyAnswer
        return completion

    async def _read(self, request: ChatRequest, step: fallback.Step) -> Completion:
        async with client().stream(request, deadlines=step.deadlines, max_retries=step.max_retries) as stream:
            self.stream = stream
            stream.on_begin = partial(checkpoints.note_begun, self.opened.answer.id)
            rhythm = pacing.Rhythm()
            async for delta in stream:
                if self._is_stopped:  # it was, before anybody knew which generation this is
                    raise asyncio.CancelledError
                self._take(delta)
                if rhythm.is_for_joining(stream.pieces) and not stream.finish_reason:
                    await asyncio.sleep(pacing.TOGETHER_S)
            return stream.completion

    def _may_go_on(self, step: fallback.Step, error: OpenRouterError) -> bool:
        """Note the failure. If another model may help, what this one cost is left to be asked."""
        stream = self.stream
        served = stream.model if stream else None
        if not self.course.failed(step, error, served=served, has_words=bool(self.parts)):
            return False
        if step.request.response_schema is not None and self.parts:
            return False  # half a JSON text and another half are no whole
        self._give_up_generation(step.candidate.id)
        return True

    def _give_up_generation(self, asked: str) -> None:
        """Go on without the generation that was read last; what it cost is booked, or left to be asked."""
        stream, self.stream = self.stream, None
        self._parsed += stream.files if stream else []
        attempt = owed.attempt_of(stream, asked=asked)
        if attempt is None:
            return
        noting = in_thread_at_last(
            owed.note, owner_id=self.opened.owner_id, message_id=self.opened.answer.id, attempt=attempt
        )
        self._owing.append(spawn(noting))

    def _take(self, delta: Delta) -> None:
        if self._first_token_ms is None and (delta.content or delta.reasoning):
            self._first_token_ms = self._elapsed_ms()
        if delta.reasoning:
            # A model that takes over thinks anew.
            thought = delta.reasoning if self._said or not self.reasoning else "\n\n" + delta.reasoning
            self._said = True
            self.reasoning.append(thought)
            self._append(Reasoning(thought))
            self.course.heard()
        if delta.content:
            self._said = True
            self._write(self._joiner.feed(delta.content))
        if delta.citations or self._uncited:
            self._uncited += delta.citations
            self._cite()

    def _write(self, text: str) -> None:
        if text:
            self.parts.append(text)
            self._show(text)
            if self.stream is not None and self.stream.model:
                self._writer = (self.stream.model, self.stream.provider or "")
            self.course.heard()

    def _show(self, text: str) -> None:
        for part in in_parts(text):
            self._append(Content(part))

    def _cite(self) -> None:
        """Keep the citations and tell them, once it is known where the words that they belong to stand.

        One that has a place in the rest of an answer has another one in the whole.
        """
        if self._joiner.is_holding:
            return
        waiting, self._uncited = self._uncited, []
        shift = self._place - self._joiner.cut
        known = {(each.url, each.start, each.end) for each in self.citations}
        for each in waiting:
            start, end = (each.start + shift, each.end + shift) if each.end else (0, 0)
            found = citations.readable(WireCitation(each.url, each.title, max(0, start), end))
            if found is None or (found.url, found.start, found.end) in known or len(known) >= citations.MOST:
                continue
            known.add((found.url, found.start, found.end))
            seq = self._append(Citation(found.url, found.title, found.start, found.end))
            self.citations.append(Cited(found.url, found.title, found.start, found.end, seq))

    def _append(self, event: Event) -> int:
        seq, body = self.turn_log.append(event)
        mirror.carry(self.turn_id, seq, body)
        return seq

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
        model = (stream and stream.model) or self._writer[0]
        return Outcome(
            status=status,
            content=self.text(),
            reasoning="".join(self.reasoning),
            citations=self.citations,
            model=model,
            provider=(stream and stream.provider) or self._writer[1],
            generation_id=(stream and stream.generation_id) or "",
            usage=stream.usage if stream else None,
            models_attempted=self.course.models_attempted,
            routing_reason=self.course.reason(model),
            has_owed=self._has_owed or bool(self._owing),
            is_continued=self._is_continued,
            error_code=error[0],
            error_detail=error[1],
            first_token_ms=self._first_token_ms,
            total_ms=self._elapsed_ms(),
        )

    async def _look_through(self, text: str) -> checking.Findings:
        found = await checking.find_beside(text)
        return found if self.opened.said is None else found.of_the_text

    async def _close(self, outcome: Outcome) -> None:
        """Learn the cost where the stream did not tell it, store, and tell the readers."""
        try:
            await asyncio.gather(*self._owing)
            if outcome.usage is None and outcome.generation_id:
                outcome.usage, outcome.cache_discount_usd = await costs.look_up(
                    client(), outcome.generation_id, tries_s=costs.AT_ONCE_S
                )
                outcome.cost_source = LedgerEntry.CostSource.LOOKUP
                outcome.is_settled_later = outcome.usage is None
            if outcome.findings is None:
                outcome.findings = await self._look_through(outcome.content)
            self._parsed += self.stream.files if self.stream else []
            if self._parsed:
                opened = self.opened
                await in_thread_at_last(
                    enclosing.keep_parsed, opened.conversation_id, opened.pdfs, self._parsed
                )
            # The places of the last events are part of what is stored before they exist.
            known = self.turn_log.stream_ends
            outcome.stream_ends = known + known[-4:] * (
                1 + bool(outcome.model) + bool(outcome.final_findings)
            )
            message = await in_thread_at_last(
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
        if message is not None:
            ended(outcome, message)
        kept = message if message else await in_thread(ended_elsewhere, self.opened.answer, self.text())
        self.message = kept
        if outcome.model:
            self._append(routing_event(kept))
        if found := quotations_event(kept):
            self._append(found)
        self._append(final_event(kept))


def _start_of(opened: OpenTurn) -> Event:
    return Start(
        turn_id=opened.turn_id,
        conversation_id=opened.conversation_id,
        user_message_id=opened.question_id,
        message_id=opened.answer.id,
        model=opened.request.model,
        created=opened.created,
    )
