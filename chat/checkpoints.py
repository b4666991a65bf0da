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
from wisqu.api.spawning import spawn
from wisqu.api.threads import in_thread

if TYPE_CHECKING:
    from chat.producing import RunningTurn

log = logging.getLogger(__name__)

INTERVAL = 0.75  # seconds; a stop that only the database tells of has to arrive within one
_SAVE = """
UPDATE chat_message SET content = %s, stream_ends = %s, generation_id = %s WHERE id = %s AND status = 'streaming'
"""
_SAVE_CITATIONS = "UPDATE chat_message SET citations = %s WHERE id = %s AND status = 'streaming'"
_BEGUN = "UPDATE chat_message SET generation_id = %s WHERE id = %s AND status = 'streaming'"
_DELETED = object()
_begun: list[tuple[str, uuid.UUID]] = []
_noting: asyncio.Task[None] | None = None
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
            stopped = await save(turns)
        except DatabaseError:
            log.exception("checkpoint failed; trying again")
            continue
        for turn_id in stopped:
            if turn_id in running:
                running[turn_id].stop()


async def save(turns: list[RunningTurn]) -> list[uuid.UUID]:
    """Store what turns have written so far; return those that were asked to stop, or deleted."""
    changed = _changed(turns)
    rows = [row for _, _, row in changed]
    cited = _cited([turn for turn, _, _ in changed])
    stopped = await in_thread(_save, [turn.turn_id for turn in turns], rows, cited)
    for turn, seq, row in changed:  # not before: what could not be stored is stored the next time
        turn.saved_seq, turn.saved_generation = seq, row[2]
    return stopped


def _changed(turns: list[RunningTurn]) -> list[tuple[RunningTurn, int, tuple[str, bytes, str, uuid.UUID]]]:
    """Return the turns that have new text, with the number of their last event and their row."""
    found = []
    for turn in turns:
        seq = turn.turn_log.last_seq
        generation_id = (turn.stream and turn.stream.generation_id) or ""
        if seq > turn.saved_seq or generation_id != turn.saved_generation:
            row = (turn.shown_text(), turn.turn_log.stream_ends, generation_id, turn.opened.answer.id)
            found.append((turn, seq, row))
    return found


def note_begun(answer_id: uuid.UUID, generation_id: str) -> None:
    """Store which generation has begun; returns at once.

    What it costs can be asked by its id alone, and this process may be dead before it looks the next time.
    """
    global _noting
    _begun.append((generation_id, answer_id))
    if _noting is None or _noting.done() or _noting.get_loop() is not asyncio.get_running_loop():
        _noting = spawn(_note_begun())


async def _note_begun() -> None:
    while _begun:
        rows = _begun.copy()
        _begun.clear()
        try:
            await in_thread(_store_begun, rows)
        except DatabaseError:
            log.warning("generations that began could not be noted; they are with the next texts")


def _store_begun(rows: list[tuple[str, uuid.UUID]]) -> None:
    prepare = Message._meta.pk.get_db_prep_value
    with connection.cursor() as cursor:
        ordered = sorted(rows, key=lambda row: row[1])
        cursor.executemany(_BEGUN, [(name, prepare(key, connection)) for name, key in ordered])


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
    """Store the texts and the sign of life; return the turns that were asked to stop, or deleted.

    Turns before messages, as whoever closes a turn does, and messages in the order of their ids: two who lock the same
    rows in another order would wait for each other until the database ends one of them.
    """
    prepare = Message._meta.pk.get_db_prep_value
    with transaction.atomic():
        Turn.objects.filter(id__in=turn_ids).running().update(heartbeat_at=timezone.now())
        with connection.cursor() as cursor:
            texts = sorted(rows, key=lambda row: row[3])
            cursor.executemany(_SAVE, [(*row[:3], prepare(row[3], connection)) for row in texts])
            if cited:
                cursor.executemany(_SAVE_CITATIONS, [(text, prepare(key, connection)) for text, key in cited])
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
