"""A conversation replayed under a policy: the sandbox's own arithmetic of prompt caches, on a moved clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from bench.talks import Talk
from wisqu.openrouter.traits import CacheTraits, cache_traits
from wisqu.sandbox.caching import Block, PromptCache, Ttl, _prefixes
from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.clock import Clock
from wisqu.sandbox.usage import Usage, cost


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

    def alive(self, sizes: Sequence[int]) -> dict[int, Ttl]:
        """Return the messages at whose end the cache holds something."""
        entries = self.cache._entries
        found = {}
        for at, prefix in enumerate(_prefixes(blocks_of(sizes, {}))):
            entry = entries.get(("s", self.model.id, prefix.digest))
            if entry is not None and entry.expires_at > self.now:
                found[at] = entry.ttl
        return found

    def ask(self, sizes: Sequence[int], sent: Sent) -> Bill:
        """Send a prompt of these sizes."""
        blocks = blocks_of(sizes, sent.marks)
        found = self.cache.use(model=self.model, session="s", blocks=blocks, only_marks=not sent.automatic)
        prompt = sum(sizes)
        usage = Usage(prompt, 0, found.cached, found.written_5m, found.written_1h)
        full = cost(self.model, Usage(prompt)).prompt
        return Bill(cost(self.model, usage).prompt, full, found.cached, usage.written)


def role(at: int) -> str:
    """Return who says the message at this place of a prompt."""
    return "system" if at == 0 else "user" if at % 2 else "assistant"


def blocks_of(sizes: Sequence[int], marks: Mapping[int, Ttl]) -> list[Block]:
    """Return a prompt of messages of these sizes."""
    return [Block(role(at), f"{at}:{size}", size, marks.get(at)) for at, size in enumerate(sizes)]


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


def replay(talk: Talk, model: Model, policy: Policy) -> list[tuple[Sent, Bill]]:
    """Return what a policy sends at each turn of a conversation, and what that costs."""
    upstream = Upstream(model)
    done: list[tuple[Sent, Bill]] = []
    for turn in range(talk.turns):
        if turn:
            upstream.now += talk.pauses[turn - 1]
        sizes = talk.sizes(turn)
        last = done[-1] if done else (None, None)
        sent = policy(Seen(sizes, turn + 1, talk.pauses[:turn], *last))
        done.append((sent, upstream.ask(sizes, sent)))
    return done


def traits_of(model: Model) -> CacheTraits:
    """Return the traits as the product knows them."""
    mode = {"both": "automatic+explicit"}.get(model.cache_mode, model.cache_mode)
    return cache_traits(model.id, mode=mode, min_tokens=model.cache_min_tokens)
