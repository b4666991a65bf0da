"""Where cache points belong. Pure. `docs/decisions/0009-where-cache-marks-go.md` has the reasons.

The prompt is a list of messages: the system prompt first, the question last. A mark on a message caches everything up
to its end. Three marks at most are ever set: on the system prompt (what a changed history still shares), on the message
where the last turn wrote (read again, and kept alive), on the question (so that the next turn reads all of this one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from typing import Literal

from chat.outlook import Outlook, Pace
from presets.pricing import Prices
from wisqu.openrouter.traits import LIFETIME_S, CacheTraits, Ttl

# How many turns ahead are weighed; what comes later changes no decision.
_HORIZON = 30
_NOTHING = Decimal(0)

Scope = Literal["auto", "system"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A cache point at the end of a message; `tokens` is the estimated length of the prefix that it closes."""

    message: int
    ttl: Ttl
    tokens: int


@dataclass(frozen=True, slots=True)
class Warm:
    """What the last turn left in the cache: the prefix up to this message, with this TTL, so long ago.

    `tokens` is its estimated length as it was then: another one now means another prefix. None: not known.
    """

    message: int
    ttl: Ttl
    age_s: float
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """The marks, in order. `automatic` False asks a model that charges for its own caching not to."""

    marks: tuple[Mark, ...] = ()
    automatic: bool = True


@dataclass(frozen=True, slots=True)
class Worth:
    """What a token of the prompt is expected to save from now on, in USD, by what is done with it now."""

    unwritten: Decimal
    written: dict[Ttl, Decimal]

    def best(self) -> Ttl | None:
        """Return the TTL to write for; None where leaving it is as good."""
        ttl = max(self.written, key=lambda each: self.written[each], default=None)
        return ttl if ttl and self.written[ttl] > self.unwritten else None

    def pays(self, ttl: Ttl) -> bool:
        """Tell whether writing for that long is expected to pay back."""
        return ttl in self.written and self.written[ttl] > self.unwritten


def place(
    *,
    sizes: Sequence[int],
    traits: CacheTraits,
    prices: Prices,
    outlook: Outlook,
    warm: Warm | None = None,
    scope: Scope = "auto",
    history_is_cut: bool = False,
) -> Placement:
    """Return where to mark a prompt of messages of these sizes (tokens).

    `warm` is what the last turn left. `history_is_cut`: old messages are dropped to make room, so that nothing after
    the system prompt will stand at the same place next time.
    """
    if prices.prompt is None or prices.input_cache_read is None or prices.input_cache_read >= prices.prompt:
        return Placement()
    ends = list(accumulate(sizes))
    left = _still_there(warm, ends)
    value = worth(prices=prices, ttls=traits.ttls, outlook=outlook)
    if traits.automatic:
        return Placement(automatic=_wants_automatic(traits, prices, value, left, ends[-1]))
    if not traits.explicit:
        return Placement()
    last = 0 if scope == "system" or history_is_cut else len(sizes) - 1
    ttl = left.ttl if left else value.best()
    if ttl is None:
        return Placement()
    places = {0, left.message} if left else {0}
    if value.pays(ttl):
        places.add(last)
    return Placement(tuple(Mark(at, ttl, ends[at]) for at in sorted(places) if ends[at] >= traits.min_tokens))


def _still_there(warm: Warm | None, ends: Sequence[int]) -> Warm | None:
    """Return what the cache still holds of this prompt: not too old, and the same prefix as far as can be seen."""
    if warm is None or warm.age_s >= LIFETIME_S[warm.ttl] or warm.message >= len(ends):
        return None
    return warm if warm.tokens in (None, ends[warm.message]) else None


def unmarked(*, traits: CacheTraits, prices: Prices) -> Placement:
    """Return how to send a prompt that is not to be cached: without marks, and without caching that is charged."""
    return Placement(automatic=not traits.automatic or _is_free(prices))


def _wants_automatic(
    traits: CacheTraits, prices: Prices, value: Worth, left: Warm | None, tokens: int
) -> bool:
    """Tell whether to leave a model to its own caching."""
    return _is_free(prices) or left is not None or tokens < traits.min_tokens or value.pays("5m")


def _is_free(prices: Prices) -> bool:
    """Tell whether a model's own caching costs nothing, as with all but a few."""
    write, full = prices.input_cache_write, prices.prompt
    return write is None or full is None or write <= full


@lru_cache(maxsize=1024)
def worth(*, prices: Prices, ttls: tuple[Ttl, ...], outlook: Outlook) -> Worth:
    """Weigh writing now against not writing now. Prices of prompt and cache reads have to be known.

    The pace of the conversation is not known for sure, but soon will be: each pace is weighed as if later turns knew
    it, this turn by how likely each is.
    """
    premiums = {
        ttl: price - _known(prices.prompt) for ttl in ttls if (price := _write_price(prices, ttl)) is not None
    }
    each = [(Decimal(pace.chance), _worth_at(pace, prices, premiums, outlook)) for pace in outlook.paces]
    return Worth(
        sum((chance * found.unwritten for chance, found in each), _NOTHING),
        {ttl: sum((chance * found.written[ttl] for chance, found in each), _NOTHING) for ttl in premiums},
    )


def _worth_at(pace: Pace, prices: Prices, premiums: dict[Ttl, Decimal], outlook: Outlook) -> Worth:
    """Reckon from the last turn of the horizon back to this one.

    Written, a token costs its premium once and saves at every turn that comes in time; each reading renews it. Once
    a pause outlives it, or while it is unwritten, it may be written at a later turn.
    """
    saved = _known(prices.prompt) - _known(prices.input_cache_read)
    within = {ttl: Decimal(pace.within(ttl)) for ttl in premiums}
    cold, warm = _NOTHING, dict.fromkeys(premiums, _NOTHING)
    found = Worth(_NOTHING, dict.fromkeys(premiums, _NOTHING))
    for ahead in reversed(range(_HORIZON)):
        goes_on = Decimal(outlook.chance(ahead))
        kept = {ttl: goes_on * (cold + within[ttl] * (warm[ttl] - cold)) for ttl in premiums}
        found = Worth(goes_on * cold, {ttl: kept[ttl] - premiums[ttl] for ttl in premiums})
        cold = max(found.unwritten, *found.written.values()) if premiums else _NOTHING
        warm = {ttl: saved + kept[ttl] for ttl in premiums}
    return found


def _known(price: Decimal | None) -> Decimal:
    assert price is not None
    return price


def _write_price(prices: Prices, ttl: Ttl) -> Decimal | None:
    return prices.input_cache_write_1h if ttl == "1h" else prices.input_cache_write
