"""The OpenRouter client that the settings describe, and the name under which OpenRouter knows a person."""

from __future__ import annotations

import hashlib
import hmac
import uuid

from django.conf import settings

from wisqu.openrouter.client import OpenRouter


def make_client(*, max_retries: int = 2) -> OpenRouter:
    """Return a new client, for code that has an event loop of its own; close it after use."""
    return OpenRouter(
        api_key=settings.OPENROUTER_API_KEY,
        base_url=settings.OPENROUTER_BASE_URL,
        app_name=settings.OPENROUTER_APP_NAME,
        app_url=settings.OPENROUTER_APP_URL,
        max_retries=max_retries,
    )


def pseudonym(user_id: uuid.UUID) -> str:
    """Return the stable name under which OpenRouter sees a user: it can't be turned back into the id."""
    return hmac.new(settings.SECRET_KEY.encode(), user_id.bytes, hashlib.sha256).hexdigest()[:32]
