"""Async work beside a request: held here by a reference, since asyncio itself holds none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_helpers: set[asyncio.Task[Any]] = set()


def spawn(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run it as a task of its own; returns at once."""
    task = asyncio.create_task(work)
    _helpers.add(task)
    task.add_done_callback(_helpers.discard)
    return task
