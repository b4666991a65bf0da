"""The providers of models and how they have been lately, for the strategy `uptime`: looked up beside the turns.

A turn takes what is known and never waits. What is old is asked for again, once for all turns of a process; until the
first listing is there, OpenRouter's own balancing chooses.
"""

from __future__ import annotations

import logging
import time

from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.types import Endpoint

log = logging.getLogger(__name__)

# Uptimes are those of half an hour.
FRESH_S = 300.0
# A listing that nobody could renew says nothing about now.
OLDEST_S = 1800.0
_AGAIN_AFTER_FAILURE_S = 30.0

_listings: dict[str, tuple[float, tuple[Endpoint, ...]]] = {}
_next_look: dict[str, float] = {}


def known(model: str) -> tuple[Endpoint, ...]:
    """Return the model's providers as last listed; none where nobody asked yet."""
    read_at, endpoints = _listings.get(model, (0.0, ()))
    return endpoints if endpoints and time.monotonic() - read_at < OLDEST_S else ()


def is_due(model: str) -> bool:
    """Tell whether the listing is to be read; True once for each time it is old."""
    now = time.monotonic()
    if now < _next_look.get(model, 0.0):
        return False
    _next_look[model] = now + _AGAIN_AFTER_FAILURE_S
    return True


async def refresh(client: OpenRouter, model: str) -> None:
    """Read the model's listing; what can't be read stays as it was."""
    try:
        endpoints = await client.endpoints(model)
    except OpenRouterError as error:
        log.warning("providers could not be listed", extra={"model": model, "code": error.code})
        return
    now = time.monotonic()
    _listings[model] = (now, tuple(endpoints))
    _next_look[model] = now + FRESH_S


def forget() -> None:
    """Forget every listing."""
    _listings.clear()
    _next_look.clear()
