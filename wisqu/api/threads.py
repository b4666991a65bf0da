"""Where async code does database work: a small pool of threads of our own.

One hop a request, not one a query; the default thread of `sync_to_async` is shared by everything and serialises it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

log = logging.getLogger(__name__)

# How long to wait, in seconds, before a database that is away is asked again: half a minute in all.
AGAIN_AFTER_S = (0.5, 2.0, 5.0, 10.0, 15.0)

P = ParamSpec("P")
T = TypeVar("T")

# SQLite has one writer: more threads would only wait for each other.
_pool = ThreadPoolExecutor(max_workers=4 if settings.IS_EMBEDDED else 12, thread_name_prefix="database")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run sync code (queries, transactions) on a thread of the pool and return its result."""
    call = functools.partial(contextvars.copy_context().run, _with_connections, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool, call)


async def in_thread_at_last(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run it as `in_thread` does, again where the database is away for a moment; after that its error is raised.

    For what has to be stored and may be tried twice.
    """
    for pause in AGAIN_AFTER_S:
        try:
            return await in_thread(function, *args, **kwargs)
        except (OperationalError, InterfaceError):
            log.warning("the database is away; trying again")
            await asyncio.sleep(pause)
    return await in_thread(function, *args, **kwargs)


def at_last(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run it on this thread, again where the database is away for a moment; after that its error is raised.

    For jobs: what has to be stored and may be tried twice.
    """
    for pause in AGAIN_AFTER_S:
        try:
            return function(*args, **kwargs)
        except (OperationalError, InterfaceError):
            log.warning("the database is away; trying again")
            drop_broken()
            time.sleep(pause)
    return function(*args, **kwargs)


def drop_broken() -> None:
    """Let go of this thread's connections that have failed: a broken one stays broken, a new one may not be."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _with_connections(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    finally:
        _hand_back()


def _hand_back() -> None:
    """Return pooled connections; keep SQLite's open, since opening costs more than any query; drop broken ones."""
    for connection in connections.all(initialized_only=True):
        if connection.vendor != "sqlite" or not connection.is_usable():
            connection.close()


def close_all() -> None:
    """Close the connections of every thread of the pool (tests drop their database afterwards)."""
    everyone = threading.Barrier(_pool._max_workers)

    def close() -> None:
        everyone.wait(timeout=10)
        connections.close_all()

    for job in [_pool.submit(close) for _ in range(_pool._max_workers)]:
        job.result()
