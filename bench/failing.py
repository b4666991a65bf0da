"""Turns of the product's own producer against an upstream whose models fail; `bench.availability` asks for them.

Everything is the product's but the database: what a turn would store is looked at here. Imported after `django.setup`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, TypeVar

import msgspec

from bench.unreliable import answer, question
from chat import upstream
from chat.closing import Outcome
from chat.fallback import Candidate, Course, Patience
from chat.models import Message
from chat.producing import RunningTurn
from chat.turns import OpenTurn
from wisqu.api.ids import uuid7
from wisqu.openrouter.breaker import Breakers, Limits
from wisqu.openrouter.types import ChatRequest
from wisqu.openrouter.types import Message as WireMessage

ALONE, LISTED, OURS = "one model", "OpenRouter's list", "ours"
WORDS = 24
AT_ONCE = 50
# Models that have to be told to go on with an answer, and models that do by themselves.
CHAINS = (("openai/a", "google/b", "x-ai/c"), ("deepseek/a", "qwen/b", "mistralai/c"))

Waits = TypeVar("Waits", bound=msgspec.Struct)


@dataclass(frozen=True)
class Asked:
    """One turn: whether its text is to the letter what it should be, and the longest pause that its reader saw."""

    is_whole: bool
    is_wrong: bool  # more, less or other text than was written, though it ended well
    failures: int
    pause_s: float


class Turn(RunningTurn):
    """A turn without a database."""

    outcome: Outcome

    def __init__(self, opened: OpenTurn) -> None:
        self.longest_pause_s = 0.0
        self._shown_at = time.monotonic()
        super().__init__(opened)

    def _show(self, text: str) -> None:
        now = time.monotonic()
        self.longest_pause_s = max(self.longest_pause_s, now - self._shown_at)
        self._shown_at = now
        super()._show(text)

    def _give_up_generation(self, asked: str) -> None:
        self.stream = None

    async def _close(self, outcome: Outcome) -> None:
        self.outcome = outcome


async def figures(policy: str, *, turns: int, scale: float) -> dict[str, Any]:
    """Ask so many questions, with all waiting shortened by `scale`; return what came of them."""
    await upstream.client().connect()
    free = asyncio.Semaphore(AT_ONCE)
    patience = _shortened(Patience(), scale)
    limits = Limits()
    breakers = Breakers(_shortened(limits, scale))

    async def one(seed: int) -> Asked:
        async with free:
            return await _ask(seed, policy, patience, breakers)

    asked = await asyncio.gather(*map(one, range(turns)))
    await upstream.close()
    return _summary(asked, patience=patience, scale=scale)


async def _ask(seed: int, policy: str, patience: Patience, breakers: Breakers) -> Asked:
    turn = Turn(_opened(policy, seed))
    turn.course = Course(turn.opened.candidates, patience=patience, breakers=breakers)
    await turn.run()
    text = "".join(answer(seed, WORDS))
    has_ended = turn.outcome.status == "done"
    is_right = turn.outcome.content == text == turn.shown_text()
    return Asked(
        has_ended and is_right, has_ended and not is_right, len(turn.course.notes), turn.longest_pause_s
    )


def _summary(asked: list[Asked], *, patience: Patience, scale: float) -> dict[str, Any]:
    usual = median(each.pause_s for each in asked if not each.failures)
    added = [each.pause_s - usual for each in asked if each.is_whole and each.failures]
    # A silent model is waited for; the others only cost the next request.
    silent_s = patience.hurried.first_byte * 0.8
    waited = [each for each in added if each >= silent_s]
    quick = [each for each in added if each < silent_s]
    whole = sum(each.is_whole for each in asked)
    return {
        "turns": len(asked),
        "whole": whole,
        "wrong": sum(each.is_wrong for each in asked),
        "helped": len(added),
        "usual_pause_ms": 1000 * usual,
        "added_when_broken_ms": 1000 * median(quick) if quick else None,
        "added_when_broken_p95_ms": 1000 * quantiles(quick, n=20)[-1] if len(quick) > 1 else None,
        "silent": len(waited),
        "added_when_silent_s": scale * median(waited) if waited else None,
        "added_on_average_s": scale * sum(waited) / whole,
    }


def _shortened(waits: Waits, scale: float) -> Waits:
    """Return the same waits, all seconds of them divided."""

    def shorter(value: Any) -> Any:
        if isinstance(value, msgspec.Struct):
            return _shortened(value, scale)
        return value / scale if isinstance(value, float) and value >= 1 else value

    return type(waits)(**{name: shorter(value) for name, value in msgspec.structs.asdict(waits).items()})


def _opened(policy: str, seed: int) -> OpenTurn:
    chain = CHAINS[seed % 2]
    message = Message(model=chain[0])
    return OpenTurn(
        turn_id=uuid7(),
        owner_id=uuid7(),
        conversation_id=uuid7(),
        title=None,
        question_id=uuid7(),
        answer=message,
        candidates=_candidates(policy, chain, question(seed, WORDS)),
        prompt_estimate=0,
        created=message.created_at,
    )


def _candidates(policy: str, chain: tuple[str, ...], text: str) -> tuple[Candidate, ...]:
    messages = (WireMessage.text("user", text),)
    if policy == ALONE:
        return (Candidate(ChatRequest(chain[0], messages)),)
    found = [
        Candidate(ChatRequest(name, messages, fallback_models=chain[place + 1 :]))
        for place, name in enumerate(chain)
    ]
    return tuple(found[:1] if policy == LISTED else found)
