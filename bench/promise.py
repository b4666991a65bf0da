"""What is saved at which hit rate, and which hit rate does a promised saving need? Plain arithmetic, today's prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bench.replaying import Policy, replay
from bench.talks import Talk
from wisqu.sandbox.catalogue import Model, Prices
from wisqu.sandbox.usage import Usage, cost

HIT_RATES = (Decimal("0.5"), Decimal("0.9"), Decimal("0.99"))
CONVERSATIONS_A_MONTH = 10_000


@dataclass(frozen=True)
class Promise:
    """A request as it was promised: what stays the same, what is new, the answer, and the saving said to come."""

    name: str
    stable: int
    tail: int
    answer: int
    promised: Decimal


PROMISES = (
    Promise("System prompt of 2K", 2_000, 150, 400, Decimal("0.90")),
    Promise("Conversation of 10K", 10_000, 600, 450, Decimal("0.80")),
    Promise("Context of 5K", 5_000, 150, 400, Decimal("0.89")),
)


@dataclass(frozen=True)
class Ratios:
    """Prices against the prompt's: what a read and a write of the cache cost, and an answer."""

    read: Decimal
    write: Decimal
    answer: Decimal

    def saved_of_stable(self, hits: Decimal) -> Decimal:
        """Return the saving on the stable part; what is not hit is written."""
        return 1 - hits * self.read - (1 - hits) * self.write

    def hits_needed(self, promised: Decimal) -> Decimal | None:
        """Return the hit rate that saves so much of the stable part; None where none does."""
        needed = (promised + self.write - 1) / (self.write - self.read)
        return needed if needed <= 1 else None


def ratios(model: Model, prices: Prices) -> Ratios:
    """Return the ratios; a model's own caching is not charged unless its write costs more than the prompt."""
    read = prices.prompt if prices.cache_read is None else prices.cache_read
    write = max(prices.prompt, prices.cache_write or Decimal(0))
    return Ratios(read / prices.prompt, write / prices.prompt, prices.completion / prices.prompt)


def show(models: Sequence[Model]) -> None:
    """Print a table for each promise."""
    for promise in PROMISES:
        print(
            f"\n{promise.name} tokens, {promise.tail} new ones, an answer of {promise.answer}; "
            f"promised {_percent(promise.promised)} %\n\n"
            "| model | of the stable part at 50 / 90 / 99 % hits | of the prompt | of the whole bill "
            "| never more than | hits needed for the promise |\n|---|---|---|---|---|---|"
        )
        for model in models:
            size = promise.stable + promise.tail
            if promise.stable < model.cache_min_tokens:
                print(
                    f"| {model.id} | shorter than its minimum of {model.cache_min_tokens} | – | – | 0.0 | none |"
                )
                continue
            print(_row(model.id, promise, ratios(model, model.prices_at(size))))


def _row(name: str, promise: Promise, found: Ratios) -> str:
    stable = [found.saved_of_stable(hits) for hits in HIT_RATES]
    prompt, whole = (
        promise.stable + promise.tail,
        promise.stable + promise.tail + promise.answer * found.answer,
    )
    needed = found.hits_needed(promise.promised)
    return (
        f"| {name} | {_percents(stable)} | {_percents([each * promise.stable / prompt for each in stable])} "
        f"| {_percents([each * promise.stable / whole for each in stable])} | {_percent(1 - found.read)} "
        f"| {'none' if needed is None else _percent(needed) + ' %'} |"
    )


def show_month(policies: Sequence[tuple[Model, Policy]], conversations: Sequence[Talk]) -> None:
    """Print what a month of conversations costs, as the replays of our policy count it, answers included."""
    print(
        f"\n{CONVERSATIONS_A_MONTH:,} conversations a month in the proportions of the replays; promised 85 %\n\n"
        "| model | without caching, USD | with | tokens read from cache | saved of the prompts | of the whole bill |\n"
        "|---|---|---|---|---|---|"
    )
    for model, policy in policies:
        full = paid = answers = Decimal(0)
        read = prompts = 0.0
        for talk in conversations:
            weight = Decimal(str(talk.weight)) * CONVERSATIONS_A_MONTH
            bills = [bill for _, bill in replay(talk, model, policy)]
            full += weight * sum(bill.full for bill in bills)
            paid += weight * sum(bill.paid for bill in bills)
            answers += weight * sum(
                cost(model, Usage(sum(talk.sizes(turn)), size)).completion
                for turn, size in enumerate(talk.answers)
            )
            read += talk.weight * sum(bill.read for bill in bills)
            prompts += talk.weight * sum(sum(talk.sizes(turn)) for turn in range(talk.turns))
        saved = full - paid
        print(
            f"| {model.id} | {full + answers:,.2f} | {paid + answers:,.2f} | {100 * read / prompts:.1f} % "
            f"| {_percent(saved / full)} % | {_percent(saved / (full + answers))} % |"
        )


def _percent(value: Decimal) -> str:
    return f"{100 * value:.1f}"


def _percents(values: Sequence[Decimal]) -> str:
    return " / ".join(_percent(value) for value in values)
