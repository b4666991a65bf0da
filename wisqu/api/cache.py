"""The cache of an installation with Redis: while Redis is down it knows nothing, and nobody gets an error for it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache

log = logging.getLogger(__name__)


def _forgiving(name: str, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Return RedisCache's method, answering `otherwise(...)` where Redis can't be reached."""
    method = getattr(RedisCache, name)

    @functools.wraps(method)
    def forgiving(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        from redis.exceptions import RedisError  # half a second of a start that others needn't pay

        try:
            return method(self, *args, **kwargs)
        except (RedisError, OSError) as error:
            log.warning("the cache is not reachable", extra={"error": type(error).__name__})
            return otherwise(*args, **kwargs)

    return forgiving


def _default(key: Any, default: Any = None, version: Any = None) -> Any:
    return default


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache, empty while Redis is down. Whoever needs certainty must not ask a cache."""

    get = _forgiving("get", _default)
    get_many = _forgiving("get_many", lambda *_, **__: {})
    has_key = _forgiving("has_key", lambda *_, **__: False)
    # As if it had worked: the next question finds nothing, which is what a cache may always answer.
    add = _forgiving("add", lambda *_, **__: True)
    set = _forgiving("set", lambda *_, **__: None)
    set_many = _forgiving("set_many", lambda *_, **__: [])
    touch = _forgiving("touch", lambda *_, **__: False)
    delete = _forgiving("delete", lambda *_, **__: False)
    delete_many = _forgiving("delete_many", lambda *_, **__: None)
