"""Telling open sockets the titles that the worker makes, whichever process it is.

One task a process asks the database for all conversations that somebody waits for, in one small query, and only
while somebody does: a title comes a second or two after a first answer, then never again. So it works in the same way
on SQLite without Redis, with many processes, and after a lost message; a channel would do none of these better.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

from django.db import DatabaseError

from chat.models import TitleJob
from wisqu.api.spawning import spawn
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)

INTERVAL_S = 0.8
# The page shows the first words of the question; who waits longer gets the title with the next page.
WAIT_S = 40.0

OnTitle = Callable[[uuid.UUID, str], Coroutine[Any, Any, None]]

_waiting: dict[uuid.UUID, dict[OnTitle, float]] = defaultdict(dict)
_watcher: asyncio.Task[None] | None = None


def wait_for(conversation_id: uuid.UUID, on_title: OnTitle) -> None:
    """Call `on_title` in this event loop once the conversation has the title that is being made; maybe never."""
    global _watcher
    _waiting[conversation_id][on_title] = time.monotonic() + WAIT_S
    loop = asyncio.get_running_loop()
    if _watcher is None or _watcher.done() or _watcher.get_loop() is not loop:
        _watcher = loop.create_task(_watch(), name="titles")


def forget(on_title: OnTitle) -> None:
    """Nobody listens there any more."""
    for conversation_id in list(_waiting):
        _waiting[conversation_id].pop(on_title, None)
        if not _waiting[conversation_id]:
            del _waiting[conversation_id]


async def _watch() -> None:
    while _waiting:
        await asyncio.sleep(INTERVAL_S)
        try:
            ended = await in_thread(find_ended, list(_waiting))
        except DatabaseError:
            log.warning("titles could not be looked for")
            continue
        for conversation_id, title in ended.items():
            for on_title in _waiting.pop(conversation_id, {}):
                if title:
                    spawn(on_title(conversation_id, title))  # nobody waits for a slow reader
        _give_up()


def _give_up() -> None:
    now = time.monotonic()
    for on_title in {each for waits in _waiting.values() for each, until in waits.items() if until < now}:
        forget(on_title)


def find_ended(conversation_ids: list[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the titles of those whose job has ended; empty where it failed."""
    jobs = TitleJob.objects.filter(conversation_id__in=conversation_ids)
    ended = jobs.filter(status__in=(TitleJob.Status.DONE, TitleJob.Status.FAILED)).order_by("created_at")
    rows = ended.values_list("conversation_id", "status", "conversation__title")
    return {found: title if status == TitleJob.Status.DONE else "" for found, status, title in rows}
