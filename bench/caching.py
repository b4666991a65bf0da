"""What does prompt caching save, and how near is that to the best possible?

Conversations are replayed on a moved clock with the sandbox's own arithmetic, once with each policy.
`python -m bench.caching` prints the tables.
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

from chat.caching import Warm, place
from chat.outlook import Habit, HabitKey, count, expect
from presets.pricing import Prices
from wisqu.openrouter.traits import MOST_MARKS, CacheTraits, cache_traits
from wisqu.sandbox import catalogue
from wisqu.sandbox.caching import Block, PromptCache, Ttl, _prefixes
from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.clock import Clock
from wisqu.sandbox.usage import Usage, cost

EXPLICIT = (
    "anthropic/claude-sonnet-4.6", "anthropic/claude-sonnet-5.5", "anthropic/claude-haiku-4.5", "qwen/qwen-plus",
)  # fmt: skip
AUTOMATIC = (
    "openai/gpt-4o-mini", "openai/gpt-5.6-luna", "google/gemini-2.5-flash", "deepseek/deepseek-v3.2", "x-ai/grok-4.3",
    "moonshotai/kimi-k2.6",
)  # fmt: skip
POLICIES = ("none", "provider", "ours", "ours, learned", "best")
MINUTE = 60
PACES = {3: 0.70, 20: 0.20, 70: 0.10}  # the usual pause in minutes, and how often people keep it
BEAM = 4


@dataclass(frozen=True)
class Shape:
    """A kind of conversation: sizes in tokens, the range of its turns, and how often it occurs."""

    name: str
    system: int
    first: int
    question: int
    answer: int
    turns: tuple[int, int]
    share: float


SHAPES = (
    Shape("one question", 1_500, 120, 120, 450, (1, 1), 0.30),
    Shape("short", 500, 150, 120, 400, (2, 5), 0.25),
    Shape("long", 800, 200, 150, 450, (15, 40), 0.15),
    Shape("system-heavy", 6_000, 150, 120, 400, (2, 10), 0.15),
    Shape("document, one question", 800, 12_000, 150, 500, (1, 1), 0.05),
    Shape("document", 800, 12_000, 150, 500, (3, 14), 0.10),
)


@dataclass(frozen=True)
class Talk:
    """One conversation: its sizes in tokens and the seconds before each question but the first."""

    shape: str
    pace: int
    weight: float
    system: int
    questions: tuple[int, ...]
    answers: tuple[int, ...]
    pauses: tuple[float, ...]

    def sizes(self, turn: int) -> list[int]:
        """Return the sizes of the prompt's messages at this turn (from 0)."""
        told = [size for pair in zip(self.questions, self.answers, strict=True) for size in pair]
        return [self.system, *told[: 2 * turn + 1]]

    @property
    def turns(self) -> int:
        return len(self.questions)


def talks(seed: int, each: int) -> list[Talk]:
    """Return so many conversations of every shape and pace, weighed by how often they occur."""
    rng = random.Random(seed)
    return [
        _talk(rng, shape, pace, shape.share * share / each)
        for shape in SHAPES
        for pace, share in PACES.items()
        for _ in range(each)
    ]


def _talk(rng: random.Random, shape: Shape, pace: int, weight: float) -> Talk:
    turns = rng.randint(*shape.turns)

    def about(size: int) -> int:
        return round(size * rng.uniform(0.6, 1.4))

    return Talk(
        shape=shape.name,
        pace=pace,
        weight=weight,
        system=shape.system,
        questions=(about(shape.first), *(about(shape.question) for _ in range(turns - 1))),
        answers=tuple(about(shape.answer) for _ in range(turns)),
        pauses=tuple(pace * MINUTE * rng.uniform(0.5, 1.4) for _ in range(turns - 1)),
    )


# --- what a policy sends, and what it costs -------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """What one turn does about caching: marks by message, and whether the model's own caching is left on."""

    marks: Mapping[int, Ttl] = field(default_factory=dict)
    automatic: bool = True


@dataclass(frozen=True)
class Bill:
    """What one turn cost, and would have cost; prompt only, since answers cost the same in every policy."""

    paid: Decimal
    full: Decimal
    read: int
    written: int


class Upstream:
    """The sandbox's cache on a clock of its own."""

    def __init__(self, model: Model) -> None:
        self.model, self.now = model, 0.0
        self.cache = PromptCache(_At(self))

    def copy(self) -> Upstream:
        """Return another one that stands at the same moment with the same entries."""
        other = Upstream(self.model)
        other.now = self.now
        entries = self.cache._entries.items()
        other.cache._entries = {key: replace(entry) for key, entry in entries if entry.expires_at > self.now}
        return other

    def state(self) -> tuple[Any, ...]:
        """Return what decides everything to come."""
        entries = self.cache._entries.items()
        return tuple(
            sorted(
                (key[2], entry.ttl, entry.expires_at) for key, entry in entries if entry.expires_at > self.now
            )
        )

    def ask(self, sizes: Sequence[int], sent: Sent) -> Bill:
        """Send a prompt of these sizes."""
        blocks = [
            Block(
                "system" if at == 0 else "user" if at % 2 else "assistant",
                f"{at}:{size}",
                size,
                sent.marks.get(at),
            )
            for at, size in enumerate(sizes)
        ]
        found = self.cache.use(model=self.model, session="s", blocks=blocks, only_marks=not sent.automatic)
        prompt = sum(sizes)
        usage = Usage(prompt, 0, found.cached, found.written_5m, found.written_1h)
        return Bill(
            cost(self.model, usage).prompt,
            cost(self.model, Usage(prompt)).prompt,
            found.cached,
            usage.written,
        )


class _At(Clock):
    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream

    def now(self) -> float:
        return self.upstream.now


@dataclass
class Seen:
    """What a policy knows at a turn: the conversation so far, nothing of what comes."""

    sizes: list[int]
    turn: int
    pauses: tuple[float, ...]
    last: Sent | None
    last_bill: Bill | None


Policy = Callable[[Seen], Sent]


def replay(talk: Talk, model: Model, policy: Policy) -> list[Bill]:
    """Return the bills of a conversation under a policy."""
    upstream, bills = Upstream(model), []
    last: Sent | None = None
    for turn in range(talk.turns):
        if turn:
            upstream.now += talk.pauses[turn - 1]
        sizes = talk.sizes(turn)
        last = policy(Seen(sizes, turn + 1, talk.pauses[:turn], last, bills[-1] if bills else None))
        bills.append(upstream.ask(sizes, last))
    return bills


# --- the policies ---------------------------------------------------------------------------------


def traits_of(model: Model) -> CacheTraits:
    """Return the traits as the product knows them."""
    mode = {"both": "automatic+explicit"}.get(model.cache_mode, model.cache_mode)
    return cache_traits(model.id, mode=mode, min_tokens=model.cache_min_tokens)


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
            rows.append((number, 2 * turn + 1, asked, sum(talk.sizes(turn)), None))
    return count(rows, settled_before=datetime(2027, 1, 1, tzinfo=UTC))


# --- the best possible ----------------------------------------------------------------------------


def choices(upstream: Upstream, sizes: Sequence[int], traits: CacheTraits) -> Iterator[Sent]:
    """Yield every placement worth trying: marks on the system prompt, on what is cached, on any message so far.

    An hour's mark on what a five minutes' entry holds would be a free hour; nobody promises that, so it is not tried.
    """
    if traits.automatic or not traits.explicit:
        yield Sent()
        if upstream.model.family == "openai" and upstream.model.cache_mode == "both":
            yield Sent(automatic=False)
        return
    yield Sent()
    alive = _alive(upstream, sizes)
    deepest = max(alive, default=None)
    last = len(sizes) - 1
    for ttl in traits.ttls:
        if upstream.model.prices.cache_write_1h is None and ttl == "1h":
            continue
        if ttl == "1h" and "5m" in alive.values():
            continue
        kept = {} if deepest is None else {deepest: alive[deepest]}
        for new in ({}, {0: ttl}, {last: ttl}, {0: ttl, last: ttl}, {last - 1: ttl}):
            marks = {**new, **kept}
            ordered = [marks[at] for at in sorted(marks)]
            if marks and len(marks) <= MOST_MARKS and ordered == sorted(ordered):  # "1h" sorts before "5m"
                yield Sent(marks)


def _alive(upstream: Upstream, sizes: Sequence[int]) -> dict[int, Ttl]:
    """Return the messages at whose end the cache holds something."""
    blocks = [
        Block("system" if at == 0 else "user" if at % 2 else "assistant", f"{at}:{size}", size)
        for at, size in enumerate(sizes)
    ]
    entries = upstream.cache._entries
    found = {}
    for at, prefix in enumerate(_prefixes(blocks)):
        entry = entries.get(("s", upstream.model.id, prefix.digest))
        if entry is not None and entry.expires_at > upstream.now:
            found[at] = entry.ttl
    return found


def best(talk: Talk, model: Model, *, beam: int = BEAM) -> Decimal:
    """Return the least that the prompts of a conversation could have cost, knowing how it went on."""
    traits = traits_of(model)
    front: list[tuple[Decimal, Upstream]] = [(Decimal(0), Upstream(model))]
    for turn in range(talk.turns):
        sizes = talk.sizes(turn)
        reached: dict[tuple[Any, ...], tuple[Decimal, Upstream]] = {}
        for paid, before in front:
            before.now += talk.pauses[turn - 1] if turn else 0.0
            for sent in choices(before, sizes, traits):
                after = before.copy()
                total = paid + after.ask(sizes, sent).paid
                key = after.state()
                if key not in reached or total < reached[key][0]:
                    reached[key] = (total, after)
        front = _kept(list(reached.values()), sizes, beam)
    return min(paid for paid, _ in front)


def _kept(
    front: list[tuple[Decimal, Upstream]], sizes: Sequence[int], beam: int
) -> list[tuple[Decimal, Upstream]]:
    """Return the cheapest of every kind of state: what the cache holds at its deepest, and for how long.

    The cheapest of all are not enough: an hour's write is dear at first and pays back many turns later.
    """
    kinds: dict[tuple[Any, ...], int] = defaultdict(int)
    kept = []
    for paid, upstream in sorted(front, key=lambda each: each[0]):
        alive = _alive(upstream, sizes)
        deepest = max(alive, default=None)
        depth = -1 if deepest is None else 0 if deepest == 0 else min(len(sizes) - deepest, 4)
        kind = depth, alive.get(deepest)
        kinds[kind] += 1
        if kinds[kind] <= beam:
            kept.append((paid, upstream))
    return kept


# --- the tables -----------------------------------------------------------------------------------


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
            bills = replay(talk, model, policy)
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
    print(f"\nThe same by scenario, {EXPLICIT[0]}\n\n{HEAD}")
    scenarios = by_model[EXPLICIT[0]]
    for (shape, pace), sums in scenarios.items():
        print(_row(f"{shape}, pauses of {pace} min", sums))
    return {
        "families": {name: _figures(sums) for name, sums in families.items()},
        "all": _figures(mix),
        "scenarios": {
            name: {f"{shape}, {pace} min": _figures(sums) for (shape, pace), sums in parts.items()}
            for name, parts in by_model.items()
        },
    }


def _scaled(sums: Sums) -> Sums:
    return Sums(Decimal(1), {policy: paid / sums.full for policy, paid in sums.paid.items()})


def _figures(sums: Sums) -> dict[str, Any]:
    return {policy: {"saved": sums.share(policy), "of_best": sums.reached(policy)} for policy in POLICIES[1:]}


def _model(name: str) -> Model:
    found = catalogue.find(name)
    assert found is not None, name
    return found


if __name__ == "__main__":
    figures = main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "caching.json").write_text(json.dumps(figures, indent=1))
