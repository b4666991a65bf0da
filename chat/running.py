"""The turns that this process produces: each runs in a task of its own, tied to nobody who asked.

Leaving readers don't touch a turn; stopping it ends the request upstream at once.
"""

from __future__ import annotations

import asyncio
import uuid

from chat import checkpoints, mirror, providers
from chat.producing import RunningTurn
from chat.telling import turn_told
from chat.turnlog import logs
from chat.turns import OpenTurn
from chat.upstream import client
from wisqu.api import draining
from wisqu.api.spawning import spawn

_SERVER_STOPPED = ("interrupted", "The server was restarted while this answer was being written.")

_running: dict[uuid.UUID, RunningTurn] = {}


def start(opened: OpenTurn, *, producer: type[RunningTurn] = RunningTurn) -> RunningTurn:
    """Begin to produce the answer; returns at once."""
    turn = producer(opened)
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


async def shut_down() -> None:
    """Let running turns end while there is time, then close the others as interrupted, with their text."""
    until = draining.seconds_left()
    if until and _running:
        await asyncio.wait([turn.task for turn in _running.values() if turn.task], timeout=until)
    turns = list(_running.values())
    for turn in turns:
        turn.stop(failure=_SERVER_STOPPED)
    await asyncio.gather(*(turn.task for turn in turns if turn.task), return_exceptions=True)
