"""Answers that are a JSON value: produced as every turn, checked against their schema, repaired once.

Nobody reads along: the words become an event when they are final. So a model that breaks off is helped out by another
one from the beginning, and a faulty answer is simply replaced.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec

from chat import fallback
from chat.closing import Outcome
from chat.events import Content
from chat.models import Turn
from chat.producing import RunningTurn
from wisqu.api.problems import FieldError, Invalid
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.types import ChatRequest, Message

INVALID = "invalid_structured_output"
_DETAIL = "The model's answer does not obey the schema, also after a repair. {fault}"
_INSTRUCTION = (
    "Your answer does not obey the JSON Schema. {fault} "
    "Answer again: the whole JSON value, corrected, and nothing else."
)
# A faulty answer is shown to the model up to this length: a longer one was running wild.
_LONGEST_SHOWN = 50_000


def accept(document: dict[str, Any]) -> None:
    """Raise Invalid (422) for a schema that can't be used."""
    # Loading the validator takes a moment: the first to need it waits for it, not every start of a server.
    from chat import jsonschemas

    try:
        jsonschemas.accept(document)
    except jsonschemas.BadSchema as bad:
        raise Invalid(detail=str(bad), errors=[FieldError("schema", "invalid_schema", str(bad))]) from None


def _read(document: dict[str, Any], text: str) -> tuple[Any, str]:
    """Return the value of an answer, or what is wrong with it."""
    from chat import jsonschemas

    try:
        return jsonschemas.Schema(document).read(text), ""
    except jsonschemas.Disobeyed as fault:
        return None, str(fault)


class StructuredTurn(RunningTurn):
    """One turn whose request has a `response_schema`."""

    def shown_text(self) -> str:
        """Return nothing: readers get the answer when it is final."""
        return ""

    def _show(self, text: str) -> None:
        """Keep it to ourselves."""

    async def _produce(self) -> Outcome:
        outcome = await super()._produce()
        if outcome.status != Turn.Status.DONE:
            return outcome
        fault = await self._check(outcome)
        return await self._repair(outcome, fault) if fault else outcome

    async def _check(self, outcome: Outcome) -> str:
        """Put the value of the answer on the outcome; return what is wrong with it instead, empty for nothing."""
        schema = self.opened.request.response_schema
        assert schema is not None
        outcome.structured_data, fault = await asyncio.to_thread(_read, schema, outcome.content)
        return fault

    async def _repair(self, faulty: Outcome, fault: str) -> Outcome:
        """Ask once more, telling what was wrong. Both generations have an entry in the ledger."""
        self._give_up_generation(faulty.model)
        self.parts, self.reasoning, self.citations = [], [], []
        self.course = fallback.Course(
            [
                replace(candidate, request=_repairing(candidate.request, faulty.content, fault))
                for candidate in self.opened.candidates
            ],
            patience=msgspec.structs.replace(fallback.PATIENCE, turn=self._time_left()),
            attempted=self.course.attempted,
            notes=self.course.notes,
        )
        outcome = await super()._produce()
        if outcome.status == Turn.Status.DONE:
            fault = await self._check(outcome)
            if not fault:
                return outcome
        outcome.status = Turn.Status.FAILED
        outcome.content = outcome.content or faulty.content
        outcome.error_code, outcome.error_detail = INVALID, _DETAIL.format(fault=fault)[:500]
        return outcome

    def _time_left(self) -> float:
        """Return the seconds that are left of the turn's time."""
        return max(1.0, fallback.PATIENCE.turn - self._elapsed_ms() / 1000)

    def _may_go_on(self, step: fallback.Step, error: OpenRouterError) -> bool:
        """Begin anew with the next model: half a JSON text is nothing to go on with, and nobody has seen it."""
        begun, self.parts = self.parts, []
        if super()._may_go_on(step, error):
            self.citations = []
            return True
        self.parts = begun
        return False

    async def _close(self, outcome: Outcome) -> None:
        if outcome.content:
            self._append(Content(outcome.content))
        await super()._close(outcome)


def _repairing(request: ChatRequest, text: str, fault: str) -> ChatRequest:
    """Return the request with the faulty answer and what is wrong with it."""
    said = Message.text("assistant", text[:_LONGEST_SHOWN].rstrip() or "null")
    wish = Message.text("user", _INSTRUCTION.format(fault=fault))
    return msgspec.structs.replace(request, messages=(*request.messages, said, wish))
