"""What does prompt caching save, and how near is that to the best possible?

Conversations are replayed on a moved clock with the sandbox's own arithmetic, once with each policy.
`python -m bench.caching` prints the tables; the proportions of the mix are in `bench.talks`.
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from bench import agreement, promise
from bench.hindsight import best
from bench.replaying import Policy, Seen, Sent, replay, traits_of
from bench.report import RESULTS, Row, at_least, row
from bench.stage import QUICK, Scale, Stage
from bench.talks import PACES, SHAPES, Talk, talks
from chat.caching import Warm, place
from chat.outlook import Habit, HabitKey, count, expect
from presets.pricing import Prices
from wisqu.sandbox import catalogue
from wisqu.sandbox.catalogue import Model

EXPLICIT = (
    "anthropic/claude-sonnet-4.6", "anthropic/claude-sonnet-5.5", "anthropic/claude-haiku-4.5", "qwen/qwen-plus",
)  # fmt: skip
AUTOMATIC = (
    "openai/gpt-4o-mini", "openai/gpt-5.6-luna", "google/gemini-2.5-flash", "deepseek/deepseek-v3.2", "x-ai/grok-4.3",
    "moonshotai/kimi-k2.6",
)  # fmt: skip
CHECKED = ("anthropic/claude-sonnet-4.6", "openai/gpt-5.6-luna", "qwen/qwen-plus", "openai/gpt-4o-mini")
POLICIES = ("none", "provider", "ours", "ours, learned", "best")


def provider(model: Model) -> Policy:
    """The mark on the whole request that OpenRouter offers for Anthropic; the others' own caching."""
    has_mark = model.family == "anthropic"
    return lambda seen: Sent({len(seen.sizes) - 1: "5m"} if has_mark else {})


def ours(model: Model, habits: Mapping[HabitKey, Habit]) -> Policy:
    """The product's policy, with what it has learned."""
    traits = traits_of(model)

    def warm(seen: Seen) -> Warm | None:
        if seen.last is None or seen.last_bill is None:
            return None
        age = seen.pauses[-1]
        if traits.automatic:
            return Warm(0, "5m", age) if seen.last_bill.read or seen.last_bill.written else None
        if not seen.last.marks:
            return None
        at = max(seen.last.marks)
        return Warm(at, seen.last.marks[at], age, sum(seen.sizes[: at + 1]))

    def policy(seen: Seen) -> Sent:
        now = model.prices_at(sum(seen.sizes))
        prices = Prices(
            prompt=now.prompt, completion=now.completion, input_cache_read=now.cache_read,
            input_cache_write=now.cache_write, input_cache_write_1h=now.cache_write_1h,
        )  # fmt: skip
        outlook = expect(habits=habits, prefix_tokens=sum(seen.sizes), turn=seen.turn, pauses=seen.pauses)
        placed = place(sizes=seen.sizes, traits=traits, prices=prices, outlook=outlook, warm=warm(seen))
        return Sent({mark.message: mark.ttl for mark in placed.marks}, placed.automatic)

    return policy


def learned(history: Sequence[Talk]) -> Mapping[HabitKey, Habit]:
    """Return the habits of other conversations, counted as the product counts its own answers."""
    start, rng = datetime(2026, 1, 1, tzinfo=UTC), random.Random(5)
    weights = [talk.weight for talk in history]
    rows: list[tuple[Any, ...]] = []
    for number, talk in enumerate(rng.choices(history, weights, k=4_000)):
        moments = accumulate(talk.pauses, initial=0.0)
        for turn, moment in enumerate(moments):
            asked = start + timedelta(seconds=moment)
            rows.append((number, 2 * turn + 1, asked, sum(talk.sizes(turn)), None, ""))
    return count(rows, settled_before=datetime(2027, 1, 1, tzinfo=UTC))


@dataclass
class Sums:
    """Weighted sums over conversations; USD of prompt cost a policy, and without caching."""

    full: Decimal = Decimal(0)
    paid: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def saved(self, policy: str) -> Decimal:
        return self.full - self.paid[policy]

    def share(self, policy: str) -> float:
        """Return the saving as a share of the cost without caching."""
        return float(self.saved(policy) / self.full)

    def reached(self, policy: str) -> float | None:
        """Return the saving as a share of the best possible; None where nothing can be saved."""
        possible = self.saved("best")
        return float(self.saved(policy) / possible) if possible > 0 else None


def run(
    model: Model, conversations: Sequence[Talk], habits: Mapping[HabitKey, Habit]
) -> dict[tuple[str, int], Sums]:
    """Return the sums of each shape and pace."""
    found: dict[tuple[str, int], Sums] = defaultdict(Sums)
    policies = {"provider": provider(model), "ours": ours(model, {}), "ours, learned": ours(model, habits)}
    for talk in conversations:
        sums, weight = found[talk.shape, talk.pace], Decimal(str(talk.weight))
        for name, policy in policies.items():
            bills = [bill for _, bill in replay(talk, model, policy)]
            sums.paid[name] += weight * sum(bill.paid for bill in bills)
        full = sum(bill.full for bill in bills)
        sums.full += weight * full
        sums.paid["none"] += weight * full
        sums.paid["best"] += weight * best(talk, model)
    return found


def total(parts: Sequence[Sums]) -> Sums:
    """Return the sums of sums."""
    whole = Sums()
    for part in parts:
        whole.full += part.full
        for policy, paid in part.paid.items():
            whole.paid[policy] += paid
    return whole


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _row(name: str, sums: Sums) -> str:
    shares = " | ".join(_percent(sums.share(policy)) for policy in POLICIES[1:])
    reached = " | ".join(_percent(sums.reached(policy)) for policy in POLICIES[1:-1])
    return f"| {name} | {shares} | {reached} |"


HEAD = (
    "| | provider | ours | ours, learned | best | provider / best | ours / best | learned / best |\n"
    "|---|---|---|---|---|---|---|---|"
)


def main(each: int = 4) -> dict[str, Any]:
    """Run all, print the tables, return the figures."""
    habits = learned(talks(seed=1, each=40))
    conversations = talks(seed=2, each=each)
    by_model = {name: run(_model(name), conversations, habits) for name in (*EXPLICIT, *AUTOMATIC)}
    print(
        f"Saved, in % of the prompt cost without caching; {len(conversations)} conversations, weighed by use\n\n{HEAD}"
    )
    families = {name: total(list(parts.values())) for name, parts in by_model.items()}
    for name, sums in families.items():
        print(_row(name, sums))
    # Each family counts the same: without this the dearest model's dollars would decide alone.
    mix = total([_scaled(sums) for sums in families.values()])
    print(_row("**all families**", mix))
    even = total([_scaled(_evenly(parts)) for parts in by_model.values()])
    print(_row("all families, as many conversations of every scenario", even))
    print(f"\nThe same by scenario, {EXPLICIT[0]}\n\n{HEAD}")
    scenarios = by_model[EXPLICIT[0]]
    for (shape, pace), sums in scenarios.items():
        print(_row(f"{shape}, pauses of {pace} min", sums))
    policies = {name: (_model(name), ours(_model(name), {})) for name in by_model}
    agreement.show([policies[name] for name in CHECKED], conversations)
    promise.show([model for model, _ in policies.values()])
    promise.show_month(list(policies.values()), conversations)
    return {
        "families": {name: _figures(sums) for name, sums in families.items()},
        "all": _figures(mix),
        "all, scenarios even": _figures(even),
        "scenarios": {
            name: {f"{shape}, {pace} min": _figures(sums) for (shape, pace), sums in parts.items()}
            for name, parts in by_model.items()
        },
    }


def _evenly(parts: Mapping[tuple[str, int], Sums]) -> Sums:
    """Return the sums as they were if every shape and pace were as common as the others."""
    common = {shape.name: shape.share for shape in SHAPES}
    return total([_times(part, 1 / (common[shape] * PACES[pace])) for (shape, pace), part in parts.items()])


def _times(sums: Sums, factor: float) -> Sums:
    exact = Decimal(str(factor))
    return Sums(sums.full * exact, {policy: paid * exact for policy, paid in sums.paid.items()})


def _scaled(sums: Sums) -> Sums:
    return Sums(Decimal(1), {policy: paid / sums.full for policy, paid in sums.paid.items()})


def _figures(sums: Sums) -> dict[str, Any]:
    return {policy: {"saved": sums.share(policy), "of_best": sums.reached(policy)} for policy in POLICIES[1:]}


def _model(name: str) -> Model:
    found = catalogue.find(name)
    assert found is not None, name
    return found


async def ask(set_stage: Stage, scale: Scale) -> list[Row]:
    """Print the tables; return whether what was to be reached is."""
    figures = main(2 if scale is QUICK else 4)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "caching.json").write_text(json.dumps(figures, indent=1) + "\n")
    families = [each["ours"] for each in figures["families"].values()]
    worst = min(100 * each["of_best"] for each in families)
    least = min(100 * each["saved"] for each in families)
    whole = 100 * figures["all"]["ours"]["of_best"]
    return [
        row(
            "prompt caching: of the best possible saving, %", [whole], "{:.1f}", goal="95", holds=at_least(95)
        ),
        row("of it, the family that comes off worst, %", [worst], "{:.1f}", goal="95", holds=at_least(95)),
        row("saved with the family that saves least, %", [least], "{:.1f}", goal="0", holds=at_least(0)),
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
