"""Routing strategies, as provider preferences."""

from collections.abc import Sequence
from typing import Literal

from wisqu.openrouter.types import Endpoint, MaxPrice, ProviderPreferences

Strategy = Literal["auto", "price", "latency", "uptime"]

# A provider this much worse than the best is left although it holds the conversation's cache: in % of uptime.
_WORTH_LEAVING = 2.0
# Uptimes that differ by less say nothing: the order of the listing stands.
_SAME = 0.5


def preferences(
    strategy: Strategy,
    *,
    endpoints: Sequence[Endpoint] = (),
    holds_cache: str = "",
    max_price: MaxPrice | None = None,
) -> ProviderPreferences | None:
    """The provider preferences of a strategy; None leaves the choice wholly to OpenRouter.

    OpenRouter has no sort by uptime: `uptime` ranks the `endpoints` of the model itself. `holds_cache` is the provider
    (as answers name it) that served the conversation last; it goes first while it is about as good as the best, since
    an `order` switches off OpenRouter's own stickiness. Without known uptimes nothing is sent that would switch off
    its default balancing, which avoids providers with outages.
    """
    if strategy == "uptime":
        order = _ranked(endpoints, holds_cache)
        return ProviderPreferences(order=order, allow_fallbacks=True, max_price=max_price)
    if strategy == "auto":
        return ProviderPreferences(max_price=max_price) if max_price else None
    return ProviderPreferences(sort=strategy, max_price=max_price)


def _ranked(endpoints: Sequence[Endpoint], holds_cache: str) -> tuple[str, ...]:
    """The slugs, best first; none where there is nothing to choose."""
    known = {each.slug: each.uptime for each in endpoints if each.uptime is not None}
    if len(known) < 2:
        return ()
    best = max(known.values())
    ranked = sorted(known, key=lambda slug: -round(known[slug] / _SAME))
    for each in endpoints:
        if holds_cache in (each.provider, each.slug) and known.get(each.slug, 0) >= best - _WORTH_LEAVING:
            return (each.slug, *(slug for slug in ranked if slug != each.slug))
    return tuple(ranked)
