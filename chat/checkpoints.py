"""Once a second: running turns show that they live, store the text so far, and hear whether they should stop.

All turns of a process share one transaction, so that a hundred streams cost hardly more than one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from chat.models import Message, Turn
from wisqu.api.threads import in_thread

if TYPE_CHECKING:
    from chat.producing import RunningTurn

log = logging.getLogger(__name__)

INTERVAL = 0.75  # seconds; a stop that only the database tells of has to arrive within one
_SAVE = """
UPDATE chat_message SET content = %s, stream_ends = %s, generation_id = %s WHERE id = %s AND status = 'streaming'
"""
_SAVE_CITATIONS = "UPDATE chat_message SET citations = %s WHERE id = %s AND status = 'streaming'"
_DELETED = object()
_watcher: asyncio.Task[None] | None = None


def watch(running: dict[uuid.UUID, RunningTurn]) -> None:
    """Start the watcher of this process unless it is at work; it ends when nothing runs."""
    global _watcher
    loop = asyncio.get_running_loop()
    if _watcher is None or _watcher.done() or _watcher.get_loop() is not loop:
        _watcher = loop.create_task(_watch(running), name="checkpoints")


async def _watch(running: dict[uuid.UUID, RunningTurn]) -> None:
    while running:
        await asyncio.sleep(INTERVAL)
        turns = list(running.values())
        for turn in turns:
            turn.turn_log.wake()  # readers see that it lives, and may send a keep-alive
        try:
            stopped = await in_thread(_save, [turn.turn_id for turn in turns], _changed(turns), _cited(turns))
        except DatabaseError:
            log.exception("checkpoint failed; trying again")
            continue
        for turn_id in stopped:
            if turn_id in running:
                running[turn_id].stop()


def _changed(turns: list[RunningTurn]) -> list[tuple[str, bytes, str, uuid.UUID]]:
    """Return the rows that have new text, and note how far they are saved."""
    rows = []
    for turn in turns:
        seq = turn.turn_log.last_seq
        generation_id = (turn.stream and turn.stream.generation_id) or ""
        if seq > turn.saved_seq or generation_id != turn.saved_generation:
            turn.saved_seq, turn.saved_generation = seq, generation_id
            rows.append((turn.shown_text(), turn.turn_log.stream_ends, generation_id, turn.opened.answer.id))
    return rows


def _cited(turns: list[RunningTurn]) -> list[tuple[str, uuid.UUID]]:
    """Return the citations of the answers that have some."""
    return [
        (
            json.dumps([each.stored(length=len(turn.shown_text())) for each in turn.citations]),
            turn.opened.answer.id,
        )
        for turn in turns
        if turn.citations
    ]


def _save(
    turn_ids: list[uuid.UUID],
    rows: list[tuple[str, bytes, str, uuid.UUID]],
    cited: Sequence[tuple[str, uuid.UUID]] = (),
) -> list[uuid.UUID]:
    """Store the texts and the sign of life; return the turns that were asked to stop, or deleted."""
    prepare = Message._meta.pk.get_db_prep_value
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.executemany(_SAVE, [(*row[:3], prepare(row[3], connection)) for row in rows])
            if cited:
                cursor.executemany(_SAVE_CITATIONS, [(text, prepare(key, connection)) for text, key in cited])
        Turn.objects.filter(id__in=turn_ids).running().update(heartbeat_at=timezone.now())
    asked = dict(Turn.objects.filter(id__in=turn_ids).values_list("id", "stop_requested_at"))
    return [turn_id for turn_id in turn_ids if asked.get(turn_id, _DELETED) is not None]


def content_offset(stream_ends: bytes | memoryview | None, after: int) -> int:
    """Return how many code points of the answer a reader holds who has seen the events up to that number."""
    ends = _read(stream_ends)
    return ends[min(after, len(ends)) - 1] if ends and after > 0 else 0


def count_events(stream_ends: bytes | memoryview | None) -> int:
    """Return the number of the last event that the row knows of."""
    return len(_read(stream_ends))


def _read(stream_ends: bytes | memoryview | None) -> array[int]:
    ends = array("I")
    ends.frombytes(bytes(stream_ends or b""))
    return ends
