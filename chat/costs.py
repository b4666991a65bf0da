"""What a generation cost, where the stream did not tell: asked of OpenRouter afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal

from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.types import Usage

log = logging.getLogger(__name__)

# The record of a generation appears a moment after it ended; each try waits a little longer.
_TRIES_S = (0.0, 0.3, 0.6, 1.2)
# What a reader may be kept waiting for; what is not there by then is asked for later.
AT_ONCE_S = (0.0, 0.3)


async def look_up(
    client: OpenRouter, generation_id: str, *, tries_s: Sequence[float] = _TRIES_S
) -> tuple[Usage | None, Decimal | None]:
    """Return usage with cost, and the cache discount, of a generation; None for what can't be had.

    It is asked for once after each of the waits.
    """
    for wait in tries_s:
        await asyncio.sleep(wait)
        try:
            found = await client.generation(generation_id)
        except OpenRouterError as error:
            log.warning("generation look-up failed", extra={"code": error.code})
            return None, None
        if found is not None and found.prompt_tokens is not None:
            prompt, completion = found.prompt_tokens, found.completion_tokens or 0
            usage = Usage(
                prompt_tokens=prompt,
                completion_tokens=completion,
                reasoning_tokens=found.reasoning_tokens or 0,
                total_tokens=prompt + completion,
                cached_tokens_read=found.cached_tokens,
                cost_usd=found.cost_usd,
            )
            return usage, found.cache_discount_usd
    return None, None
