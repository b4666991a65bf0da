"""The one OpenRouter client of an event loop, and the name under which OpenRouter knows a person."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import uuid
from weakref import WeakKeyDictionary

from django.conf import settings

from wisqu.openrouter.client import OpenRouter

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, OpenRouter] = WeakKeyDictionary()


def client() -> OpenRouter:
    """Return the client of the running loop, made at the first call: its connections belong to that loop."""
    loop = asyncio.get_running_loop()
    found = _clients.get(loop)
    if found is None:
        found = _clients[loop] = make_client()
    return found


def make_client() -> OpenRouter:
    """Return a new client of the settings, for code that has a loop of its own; close it after use."""
    return OpenRouter(
        api_key=settings.OPENROUTER_API_KEY,
        base_url=settings.OPENROUTER_BASE_URL,
        app_name=settings.OPENROUTER_APP_NAME,
        app_url=settings.OPENROUTER_APP_URL,
    )


async def close() -> None:
    """Close the running loop's client."""
    found = _clients.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()


def pseudonym(user_id: uuid.UUID) -> str:
    """Return the stable name under which OpenRouter sees a user: it can't be turned back into the id."""
    return hmac.new(settings.SECRET_KEY.encode(), user_id.bytes, hashlib.sha256).hexdigest()[:32]
