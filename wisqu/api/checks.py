"""The single questions behind `/health`: each says `ok`, `degraded` or `unavailable`, with figures, and within seconds.

Upper apps add what they know (`register`), as the model server does.
"""

from __future__ import annotations

import asyncio
import logging
import platform
import shutil
import time
import uuid
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from wisqu.api import pulses, queues
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)

Facts = dict[str, Any]
Check = Callable[[], Awaitable[Facts]]

OK, DEGRADED, UNAVAILABLE, UNUSED = "ok", "degraded", "unavailable", "unused"
TAKES_AT_MOST_S = 4.0
# A full disk stops everything at once; below this somebody should look.
LEAST_FREE_SHARE, LEAST_FREE_BYTES = 0.05, 1024**3
# More waiting jobs than this are not done soon.
MANY_JOBS = 1_000

_registered: dict[str, Check] = {}


def register(name: str, check: Check) -> None:
    """Add a check. It returns its state and figures, and may raise OSError."""
    _registered[name] = check


async def run_all() -> dict[str, Facts]:
    """Return what every check says; all at once, and none longer than `TAKES_AT_MOST_S`."""
    everything = {**_own(), **_registered}
    answers = await asyncio.gather(*(_answer(name, check) for name, check in everything.items()))
    return dict(zip(everything, answers, strict=True))


async def _answer(name: str, check: Check) -> Facts:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(TAKES_AT_MOST_S):
            facts = await check()
    except (DatabaseError, OSError, TimeoutError) as error:
        # The kind alone: a driver's words may hold an address with its password.
        facts = {"status": UNAVAILABLE, "error": type(error).__name__}
        log.warning("health check failed", extra={"check": name, "error": facts["error"]})
    return {**facts, "ms": round((time.perf_counter() - began) * 1000, 1)}


def _own() -> dict[str, Check]:
    checks: dict[str, Callable[[], Facts]] = {
        "database": _database,
        "migrations": _migrations,
        "workers": _workers,
        "queue": _queue,
        "beat": _beat,
        "disk": _disk,
    }
    found: dict[str, Check] = {name: _on_pool(check) for name, check in checks.items()}
    return {**found, "redis": _redis, "channel_layer": _channel_layer}


def _on_pool(check: Callable[[], Facts]) -> Check:
    async def run() -> Facts:
        return await in_thread(check)

    return run


def _database() -> Facts:
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        number = connection.get_database_version()
    return {"status": OK, "kind": connection.vendor, "version": ".".join(map(str, number))}


def _migrations() -> Facts:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return {"status": DEGRADED if plan else OK, "missing": len(plan)}


def _workers() -> Facts:
    living = pulses.living_workers()
    return {"status": OK if living else DEGRADED, "living": living}


def _queue() -> Facts:
    waiting = queues.depth()
    return {"status": OK if waiting < MANY_JOBS else DEGRADED, "depth": waiting}


def _beat() -> Facts:
    seen = pulses.clock_seen_at()
    if seen is None:
        return {"status": DEGRADED, "age_s": None}
    age = timezone.now() - seen
    state = OK if age < pulses.CLOCK_IS_LATE_AFTER else DEGRADED
    return {"status": state, "age_s": round(age.total_seconds(), 1)}


def _disk() -> Facts:
    total, _, free = shutil.disk_usage(settings.VAR_DIR)
    is_low = free < LEAST_FREE_BYTES or free < LEAST_FREE_SHARE * total
    return {"status": DEGRADED if is_low else OK, "free_bytes": free, "total_bytes": total}


async def _redis() -> Facts:
    if not settings.REDIS_URL:
        return {"status": UNUSED}
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    try:
        async with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2) as redis:
            facts: Any = await redis.info("server")
            memory: Any = await redis.info("memory")
    except RedisError as error:
        raise OSError(str(error)) from error
    used = memory["used_memory"]
    return {"status": OK, "version": facts["redis_version"], "used_bytes": used}


async def _channel_layer() -> Facts:
    """Send a word to ourselves the way that events go to other processes: over a channel and a stream of Redis."""
    if not settings.REDIS_URL:
        return {"status": UNUSED}
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    name, word = f"wisqu:health:{uuid.uuid4().hex}", b"hello"
    try:
        async with (
            Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2) as redis,
            redis.pubsub(ignore_subscribe_messages=True) as channel,
        ):
            await channel.subscribe(name)
            await redis.publish(name, word)
            heard = await _next_word(channel)
    except RedisError as error:
        raise OSError(str(error)) from error
    return {"status": OK if heard == word else UNAVAILABLE}


async def _next_word(channel: Any) -> bytes | None:
    for _ in range(20):
        message = await channel.get_message(timeout=0.1)
        if message:
            data: bytes = message["data"]
            return data
    return None


def versions() -> dict[str, str]:
    """Return what runs here."""
    packages = ("django", "djangorestframework", "django-ninja", "channels", "celery", "uvicorn", "openai")
    return {
        "wisqu": settings.VERSION,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
