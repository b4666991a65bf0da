"""The least that a conversation's prompts could have cost, found by search over placements, knowing how it went on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from bench.replaying import Sent, Upstream, traits_of
from bench.talks import Talk
from wisqu.openrouter.traits import MOST_MARKS, CacheTraits
from wisqu.sandbox.catalogue import Model

# How many states of each kind are followed.
BEAM = 4


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
    alive = upstream.alive(sizes)
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
        alive = upstream.alive(sizes)
        deepest = max(alive, default=None)
        depth = -1 if deepest is None else 0 if deepest == 0 else min(len(sizes) - deepest, 4)
        kind = depth, alive.get(deepest)
        kinds[kind] += 1
        if kinds[kind] <= beam:
            kept.append((paid, upstream))
    return kept
