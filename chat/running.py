"""The turns that this process produces: each runs in a task of its own, tied to nobody who asked.

Leaving readers don't touch a turn; stopping it ends the request upstream at once.
"""

from __future__ import annotations

import asyncio
import logging
import uuid

from django.conf import settings
from django.db import DatabaseError

from chat import checkpoints, handing, mirror, providers
from chat.producing import RunningTurn
from chat.relaying import RelayedTurn
from chat.telling import turn_told
from chat.turnlog import logs
from chat.turns import OpenTurn
from chat.upstream import client
from wisqu.api import draining
from wisqu.api.spawning import spawn
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)

# So long before a process's time is over, what still runs in it is handed on; half of a time that is short.
_LEAVING_S = 2.0
_SERVER_STOPPED = ("interrupted", "The server was restarted while this answer was being written.")

_running: dict[uuid.UUID, RunningTurn] = {}


def start(opened: OpenTurn, *, producer: type[RunningTurn] = RelayedTurn) -> RunningTurn:
    """Begin to produce the answer; returns at once."""
    return _run(producer(opened))


def _run(turn: RunningTurn) -> RunningTurn:
    opened = turn.opened
    _running[turn.turn_id] = turn
    turn.task = asyncio.create_task(_supervise(turn), name=f"turn {turn.turn_id}")
    if opened.answer.routing_strategy == "uptime":
        for candidate in opened.candidates:
            if providers.is_due(candidate.id):
                spawn(providers.refresh(client(), candidate.id))
    checkpoints.watch(_running)
    mirror.listen(_running)
    return turn


async def _supervise(turn: RunningTurn) -> None:
    try:
        with turn_told(turn.turn_id):
            await turn.run()
    finally:
        _running.pop(turn.turn_id, None)
        logs.close(turn.turn_log)
        if not turn.is_handed_on:
            mirror.end(turn.turn_id)


def find(turn_id: uuid.UUID) -> RunningTurn | None:
    """Return the turn where this process produces it."""
    return _running.get(turn_id)


def stop(turn_id: uuid.UUID) -> None:
    """Stop the turn here, or tell the other processes to."""
    turn = _running.get(turn_id)
    if turn is not None:
        turn.stop()
    else:
        mirror.tell_to_stop(turn_id)


def listen() -> None:
    """Hear from now on what other processes wish of the turns here."""
    mirror.listen(_running)


async def keep_taking_up() -> None:
    """Go on with what other processes hand on at their end, until this one is to end."""
    async for handed in handing.offered():
        try:
            opened = await in_thread(handing.claim, handed)
        except DatabaseError:
            log.warning("an answer that was handed on could not be taken up")
            continue
        if opened is not None:
            _run(RelayedTurn(opened, handed))


def leaving_s() -> float:
    """Return how long before its end the process hands on what it writes, in seconds."""
    return min(_LEAVING_S, settings.SHUTDOWN_GRACE_SECONDS / 2) if handing.is_possible() else 0.0


def hand_on_all() -> None:
    """Give what still runs to other processes; what can't be given ends as interrupted, with its text."""
    for turn in list(_running.values()):
        turn.hand_on(otherwise=_SERVER_STOPPED)


async def shut_down() -> None:
    """Let running turns end while there is time, then hand the others on."""
    until = draining.seconds_left() - leaving_s()
    if until > 0 and _running:
        await asyncio.wait([turn.task for turn in _running.values() if turn.task], timeout=until)
    turns = list(_running.values())
    hand_on_all()
    await asyncio.gather(*(turn.task for turn in turns if turn.task), return_exceptions=True)
