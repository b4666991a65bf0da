"""Counting what happens within a window of time, exactly, however many processes count.

A window begins with the first count and is over after its length. Counts are kept in Redis; without one, in a small
SQLite file that all processes of the machine share, beside the database and never in its way. While neither can be
reached, each process counts for itself. Nothing here has to survive: losing it opens new windows.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings

log = logging.getLogger(__name__)

# Redis answers within a millisecond or is not there; a request waits no longer for it.
ANSWERS_WITHIN_S = 0.25
# After a failure a store is left alone for so long.
REST_S = 5.0
_MOST_IN_MEMORY = 10_000


class Count(NamedTuple):
    """How many there were in the window, this one included, and how many seconds are left of it."""

    number: int
    seconds_left: float


def count(key: str, *, window_s: float) -> Count:
    """Count one more of `key` and return where that leaves the window."""
    store = _in_redis if settings.REDIS_URL else _in_file
    if time.monotonic() >= _resting.until:
        try:
            return store(key, window_s)
        except _failures() as error:
            _resting.until = time.monotonic() + REST_S
            log.warning(
                "counts can't be shared, counting in this process", extra={"error": type(error).__name__}
            )
    return _in_memory(key, window_s)


class _Resting:
    """Until when the shared store is not asked."""

    until = 0.0


_resting = _Resting()


def _failures() -> tuple[type[Exception], ...]:
    if not settings.REDIS_URL:
        return (sqlite3.Error, OSError)
    from redis.exceptions import RedisError  # half a second of a start that others needn't pay

    return (RedisError, OSError)


# --- Redis ----------------------------------------------------------------------------------------

_SCRIPT = """
local number = redis.call('INCR', KEYS[1])
if number == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {number, redis.call('PTTL', KEYS[1])}
"""


@cache
def _redis_script(address: str) -> Callable[..., Any]:
    from redis import Redis

    client = Redis.from_url(address, socket_timeout=ANSWERS_WITHIN_S, socket_connect_timeout=ANSWERS_WITHIN_S)
    return client.register_script(_SCRIPT)


def _in_redis(key: str, window_s: float) -> Count:
    script = _redis_script(settings.REDIS_URL)
    number, left_ms = script(keys=[f"wisqu:count:{key}"], args=[round(window_s * 1000)])
    return Count(number, left_ms / 1000)


# --- A file ---------------------------------------------------------------------------------------

_TABLE = "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, ends REAL, number INTEGER) WITHOUT ROWID"
# A window that seems to end later than a new one would is from before the clock was put back.
_COUNT = """
INSERT INTO counts VALUES (?1, ?2 + ?3, 1) ON CONFLICT (key) DO UPDATE SET
number = CASE WHEN ends > ?2 AND ends <= ?2 + ?3 THEN number + 1 ELSE 1 END,
ends = CASE WHEN ends > ?2 AND ends <= ?2 + ?3 THEN ends ELSE ?2 + ?3 END
"""
_open = threading.local()


def _in_file(key: str, window_s: float) -> Count:
    path = str(settings.VAR_DIR / "counts.sqlite3")
    connection: sqlite3.Connection | None = getattr(_open, "connection", None)
    if connection is None or _open.path != path:
        connection = _open.connection = _connected(path, time.time())
        _open.path = path
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Wall-clock time, which processes have in common; asked in one's turn, else it would seem to go backwards.
        now = time.time()
        connection.execute(_COUNT, (key, now, window_s))
        ends, number = connection.execute("SELECT ends, number FROM counts WHERE key = ?", (key,)).fetchone()
    finally:
        connection.execute("COMMIT")
    return Count(number, ends - now)


def _connected(path: str, now: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=ANSWERS_WITHIN_S)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", _TABLE):
        connection.execute(statement)
    connection.execute("DELETE FROM counts WHERE ends < ?", (now,))
    return connection


# --- This process ---------------------------------------------------------------------------------

_windows: dict[str, tuple[float, int]] = {}
_counting = threading.Lock()


def _in_memory(key: str, window_s: float) -> Count:
    now = time.monotonic()
    with _counting:
        ends, number = _windows.get(key, (0.0, 0))
        if ends <= now:
            ends, number = now + window_s, 0
            _forget_old(now)
        _windows[key] = ends, number + 1
    return Count(number + 1, ends - now)


def _forget_old(now: float) -> None:
    if len(_windows) >= _MOST_IN_MEMORY:
        for key in [key for key, (ends, _) in _windows.items() if ends <= now]:
            del _windows[key]
