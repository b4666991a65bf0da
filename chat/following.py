"""Following a turn from any event number, wherever its events are: here, in another process, or in the database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

from chat import mending, mirror
from chat.checkpoints import content_offset, count_events
from chat.endings import final_event, quotations_event
from chat.events import Citation, Content, Event, Start, encode
from chat.models import Message, Turn
from chat.turnlog import logs
from wisqu.api.problems import NotFound
from wisqu.api.threads import in_thread

Batch = list[tuple[int, bytes]]  # of whoever takes it, who may empty it

_POLL_S = 0.7
# A running turn that is silent this long may have lost its process.
_SILENT_POLLS = 3
_FINAL = (b'{"type":"done"', b'{"type":"error"')


def find_turn(*, owner_id: uuid.UUID, turn_id: uuid.UUID) -> Turn:
    """Return the turn with its answer. Raises NotFound when it is missing or somebody else's."""
    turn: Turn | None = Turn.objects.for_owner(owner_id).select_related("answer").filter(id=turn_id).first()
    if turn is None:
        raise NotFound
    return turn


def has_more(turn: Turn, after: int) -> bool:
    """Tell whether a reader who has seen that event can still get another one."""
    return turn.status == Turn.Status.RUNNING or after < count_events(turn.answer.stream_ends)


def follow(turn: Turn, after: int) -> AsyncIterator[Batch]:
    """Yield the events after that number as (number, JSON), up to the one that ends the turn.

    An empty list says that the turn is alive and has nothing new. The turn itself, with its whole answer, is not kept.
    """
    return _follow(turn.id, after, is_running=turn.status == Turn.Status.RUNNING)


async def _follow(turn_id: uuid.UUID, after: int, *, is_running: bool) -> AsyncIterator[Batch]:
    turn_log = logs.find(turn_id)
    if turn_log is not None:
        async for batch in turn_log.follow(after):
            yield batch
        return
    if is_running and mirror.is_configured():
        async for batch in _follow_elsewhere(turn_id, after):
            is_over = False
            if batch:
                after, is_over = batch[-1][0], batch[-1][1].startswith(_FINAL)
            yield batch
            if is_over:
                return
    async for batch in _follow_stored(turn_id, after):
        yield batch


async def _follow_elsewhere(turn_id: uuid.UUID, after: int) -> AsyncIterator[Batch]:
    """Yield from another process's log until it is silent and the database says that the turn is over."""
    silent = 0
    async for batch in mirror.read(turn_id, after):
        silent = 0 if batch else silent + 1
        yield batch
        if silent % _SILENT_POLLS == 1:
            now = await in_thread(Turn.objects.get, id=turn_id)
            if now.status != Turn.Status.RUNNING:
                return


async def _follow_stored(turn_id: uuid.UUID, after: int) -> AsyncIterator[Batch]:
    """Tell the turn from its rows: what was saved so far, then what is saved next, then how it ended."""
    while True:
        turn = await in_thread(_load, turn_id)
        batch = _stored_events(turn, after)
        if batch:
            after = batch[-1][0]
        has_ended = turn.status != Turn.Status.RUNNING
        del turn  # a reader who takes nothing holds back the events alone
        yield batch
        if has_ended:
            return
        await asyncio.sleep(_POLL_S)


def _load(turn_id: uuid.UUID) -> Turn:
    turn: Turn = Turn.objects.select_related("answer").get(id=turn_id)
    return turn


def _stored_events(turn: Turn, after: int) -> Batch:
    answer = turn.answer
    has_ended = turn.status != Turn.Status.RUNNING
    total = count_events(answer.stream_ends)
    batch: Batch = []
    if after == 0:
        batch.append((1, encode(_start_event(turn, answer))))
    found = quotations_event(answer) if has_ended else None
    newest = total - bool(found) - 1 if has_ended else total
    if not (after and mending.is_mended(answer)):
        # Who holds a part of a first version gets all of the second with the last event.
        batch += _stored_words(answer, after, newest)
    if found and after < total - 1:
        batch.append((total - 1, encode(found)))
    if has_ended and after < total:
        batch.append((total, encode(final_event(answer))))
    return batch


def _stored_words(answer: Message, after: int, newest: int) -> Batch:
    """Tell the rest of the text up to an event, and its citations where they came in it."""
    batch: Batch = []
    seen = content_offset(answer.stream_ends, after)
    # Answers of earlier versions do not know which events their citations came with.
    for cited in (each for each in answer.citations if after < each.get("seq", 0) < newest):
        here = content_offset(answer.stream_ends, cited["seq"])
        if here > seen:
            batch.append((cited["seq"] - 1, encode(Content(answer.content[seen:here]))))
            seen = here
        event = Citation(cited["url"], cited["title"], cited["start"], cited["end"])
        batch.append((cited["seq"], encode(event)))
    last = batch[-1][0] if batch else after
    if seen < len(answer.content) and newest > last:
        batch.append((newest, encode(Content(answer.content[seen:]))))
    return batch


def _start_event(turn: Turn, answer: Message) -> Event:
    return Start(
        turn_id=turn.id,
        conversation_id=turn.conversation_id,
        user_message_id=turn.question_id,
        message_id=answer.id,
        model=answer.model,
        created=answer.created_at,
    )
