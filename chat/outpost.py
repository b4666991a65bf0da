"""Whether the model server can be reached and the key still pays: for health, asked at most once a minute."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import Any

from chat.upstream import make_client
from wisqu.api.checks import DEGRADED, OK, UNAVAILABLE
from wisqu.openrouter.errors import OpenRouterError

KEPT_S = 60.0
ANSWERS_WITHIN_S = 3.0
# Below this share of its limit somebody should top the key up.
LITTLE_LEFT = Decimal("0.05")

_last: dict[str, Any] = {}


async def check() -> dict[str, Any]:
    """Return state and figures; what was found lately is told again, with its age."""
    age = time.monotonic() - _last.get("at", float("-inf"))
    if age < KEPT_S:
        return {**_last["facts"], "age_s": round(age, 1)}
    facts = await _ask()
    _last.update(at=time.monotonic(), facts=facts)
    return {**facts, "age_s": 0.0}


def forget() -> None:
    """Ask anew at the next check."""
    _last.clear()


async def _ask() -> dict[str, Any]:
    client = make_client(max_retries=0)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            key = await client.key()
    except TimeoutError:
        return {"status": UNAVAILABLE, "error": "upstream_timeout"}
    except OpenRouterError as error:
        return {"status": DEGRADED if error.operator else UNAVAILABLE, "error": error.code}
    finally:
        await client.close()
    if key is None:
        return {"status": OK, "limit_usd": None, "remaining_usd": None}
    is_low = key.limit is not None and (key.limit_remaining or 0) <= key.limit * LITTLE_LEFT
    return {
        "status": DEGRADED if is_low else OK,
        "limit_usd": key.limit,
        "remaining_usd": key.limit_remaining,
        "used_usd": key.usage,
    }
