"""Asks a model, or a preset, a file of questions, and keeps what came back. Nothing of it is a conversation.

The questions go straight to OpenRouter, on the operator's account, and into no person's quota or ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chat.expectations import Question, judge
from chat.upstream import make_client
from presets import catalogue, shipped, standing
from presets.models import ModelPreset
from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.types import ChatRequest, Message


class NobodyToAsk(ValueError):
    """There is no such preset, or no model to ask."""


@dataclass(frozen=True, slots=True)
class Way:
    """How questions are asked."""

    model: str
    system_prompt: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question: which expectations are met, the answer or the error, and its cost if told."""

    question: Question
    met: dict[str, bool]
    answer: str = ""
    error: str = ""
    cost: Decimal | None = None

    @property
    def is_met(self) -> bool:
        """Whether the answer is as expected."""
        return not self.error and all(self.met.values())


def way(*, model: str = "", preset: str = "") -> Way:
    """Return how a preset of the house asks, or the default one, with another model where one is named.

    Raises NobodyToAsk.
    """
    row = ModelPreset.objects.published().filter(slug=preset or shipped.STANDING).first()
    if preset and row is None:
        raise NobodyToAsk(f"No preset of the house is called {preset}.")
    if not (model or (row and row.model)):
        default = catalogue.find_default(allow_advanced=True)
        if default is None:
            raise NobodyToAsk("The catalogue has no model to ask. Name one with --model.")
        model = default.id
    if row is None:
        return Way(model, standing.system_prompt())
    return Way(model or row.model, row.system_prompt, row.temperature, row.top_p, row.max_tokens)


def evaluate(
    questions: Sequence[Question], how: Way, *, at_once: int, seen: Callable[[Outcome], None]
) -> list[Outcome]:
    """Ask all questions, so many at a time; `seen` is called as answers come. Errors of the upstream are outcomes."""
    return asyncio.run(_ask_all(questions, how, at_once, seen))


async def _ask_all(
    questions: Sequence[Question], how: Way, at_once: int, seen: Callable[[Outcome], None]
) -> list[Outcome]:
    client = make_client()
    room = asyncio.Semaphore(at_once)

    async def one(question: Question) -> Outcome:
        async with room:
            outcome = await _ask(client, question, how)
        seen(outcome)
        return outcome

    try:
        return list(await asyncio.gather(*map(one, questions)))
    finally:
        await client.close()


async def _ask(client: OpenRouter, question: Question, how: Way) -> Outcome:
    system = (Message.text("system", how.system_prompt),) if how.system_prompt else ()
    request = ChatRequest(
        model=how.model,
        messages=(*system, Message.text("user", question.question)),
        temperature=how.temperature,
        top_p=how.top_p,
        max_tokens=how.max_tokens,
    )
    try:
        done = await client.complete(request)
    except OpenRouterError as error:
        return Outcome(question, dict.fromkeys(judge(question, ""), False), error=str(error))
    cost = done.usage.cost_usd if done.usage else None
    return Outcome(question, judge(question, done.content), answer=done.content, cost=cost)
