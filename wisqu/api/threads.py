"""Where async code does database work: a small pool of threads of our own.

One hop a request, not one a query; the default thread of `sync_to_async` is shared by everything and serialises it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

# SQLite has one writer: more threads would only wait for each other.
_pool = ThreadPoolExecutor(max_workers=4 if settings.IS_EMBEDDED else 12, thread_name_prefix="database")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run sync code (queries, transactions) on a thread of the pool and return its result."""
    call = functools.partial(contextvars.copy_context().run, _with_connections, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool, call)


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
