"""Routing strategies, as provider preferences."""

from typing import Literal

from wisqu.openrouter.types import ProviderPreferences

Strategy = Literal["auto", "price", "latency", "uptime"]


def preferences(strategy: Strategy) -> ProviderPreferences | None:
    """The provider preferences of a strategy; None leaves the choice wholly to OpenRouter.

    OpenRouter has no sort by uptime: its default balancing is what avoids providers with outages, and any
    `sort` or `order` switches that off. So `uptime` sends neither and insists on fallbacks.
    """
    if strategy == "auto":
        return None
    if strategy == "uptime":
        return ProviderPreferences(allow_fallbacks=True)
    return ProviderPreferences(sort=strategy)
