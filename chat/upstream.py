"""The one OpenRouter client of an event loop."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from presets.upstream import make_client, pseudonym
from wisqu.openrouter.client import OpenRouter

__all__ = ["client", "close", "make_client", "pseudonym"]

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, OpenRouter] = WeakKeyDictionary()


def client() -> OpenRouter:
    """Return the client of the running loop, made at the first call: its connections belong to that loop."""
    loop = asyncio.get_running_loop()
    found = _clients.get(loop)
    if found is None:
        found = _clients[loop] = make_client()
    return found


async def close() -> None:
    """Close the running loop's client."""
    found = _clients.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()
