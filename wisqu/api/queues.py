"""How many jobs wait: for health and metrics, whatever carries them."""

from __future__ import annotations

from typing import Any

from django.conf import settings

QUEUE = "celery"
_ANSWERS_WITHIN_S = 1.0
# What a worker holds and has not done yet; Redis gives it back when the worker dies.
_UNDER_WAY = "unacked"


def depth() -> int:
    """Return how many jobs are queued or under way. Raises OSError where the queue can't be asked."""
    address: str = settings.CELERY_BROKER_URL
    if not address:
        folder = settings.VAR_DIR / "broker" / "queue"
        return sum(1 for path in folder.glob("*.msg")) if folder.is_dir() else 0
    if address.startswith(("redis://", "rediss://")):
        return _in_redis(address)
    return _at_broker(address)


def _in_redis(address: str) -> int:
    from redis import Redis
    from redis.exceptions import RedisError

    limits: dict[str, Any] = {
        "socket_connect_timeout": _ANSWERS_WITHIN_S,
        "socket_timeout": _ANSWERS_WITHIN_S,
    }
    try:
        with Redis.from_url(address, **limits) as redis:
            return int(redis.llen(QUEUE)) + int(redis.hlen(_UNDER_WAY))
    except RedisError as error:
        raise OSError(type(error).__name__) from error


def _at_broker(address: str) -> int:
    from kombu import Connection

    connection: Any = Connection(address, connect_timeout=_ANSWERS_WITHIN_S)
    try:
        with connection:
            return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)
    except (*connection.connection_errors, *connection.channel_errors) as error:
        raise OSError(type(error).__name__) from error
