"""Async work beside a request: held here by a reference, since asyncio itself holds none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_helpers: set[asyncio.Task[Any]] = set()


def spawn(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run it as a task of its own; returns at once."""
    task = asyncio.create_task(work)
    _helpers.add(task)
    task.add_done_callback(_helpers.discard)
    return task


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Run it and return its result; it goes on when whoever waits for it is gone, as a client that leaves is."""
    return await asyncio.shield(spawn(work))
