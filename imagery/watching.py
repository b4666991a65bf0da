"""Telling open sockets how images come along, whichever process makes them.

One task a process asks the database every second for the images that changed since it last looked, and only while a
socket is open. It is one small query by an index, however many people are connected; so it works on SQLite without
Redis, with many processes, and after a lost message (as with titles: docs/decisions/0013).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from imagery.documents import image_document
from imagery.models import GeneratedImage
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
# Rows become visible a little later than the moment they carry, and machines' clocks differ a little.
OVERLAP = timedelta(seconds=5)
_MOST_AT_ONCE = 500

OnImage = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]

_listeners: dict[uuid.UUID, set[OnImage]] = defaultdict(set)
_watcher: asyncio.Task[None] | None = None
# The tasks that tell, until they have told.
_telling: set[asyncio.Task[None]] = set()


def listen(user_id: uuid.UUID, on_image: OnImage) -> None:
    """Call `on_image` in this event loop with the document of each image of the user's that changes from now on."""
    global _watcher
    _listeners[user_id].add(on_image)
    loop = asyncio.get_running_loop()
    if _watcher is None or _watcher.done() or _watcher.get_loop() is not loop:
        _watcher = loop.create_task(_watch(), name="images")


def forget(user_id: uuid.UUID, on_image: OnImage) -> None:
    """Nobody listens there any more."""
    _listeners[user_id].discard(on_image)
    if not _listeners[user_id]:
        del _listeners[user_id]


async def _watch() -> None:
    since, seen = timezone.now(), dict[uuid.UUID, datetime]()
    while _listeners:
        await asyncio.sleep(INTERVAL_S)
        try:
            changed = await in_thread(find_changed, since - OVERLAP)
        except DatabaseError:
            log.warning("images could not be looked for")
            continue
        for image in changed:
            if seen.get(image.id) != image.updated_at:
                seen[image.id] = image.updated_at
                _tell(image)
        since = max([since, *seen.values()])
        seen = {image_id: moment for image_id, moment in seen.items() if moment >= since - OVERLAP}


def _tell(image: GeneratedImage) -> None:
    document = image_document(image)
    for on_image in _listeners.get(image.owner_id, ()):
        task = asyncio.create_task(on_image(document))  # nobody waits for a slow reader
        _telling.add(task)
        task.add_done_callback(_telling.discard)


def find_changed(since: datetime) -> list[GeneratedImage]:
    """Return the images that changed after a moment, the oldest change first."""
    rows = GeneratedImage.objects.filter(updated_at__gt=since, deleted_at=None)
    return list(rows.order_by("updated_at")[:_MOST_AT_ONCE])
