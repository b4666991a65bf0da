"""Closing turns whose process died: by every web process, and by the worker's clock as well. Owed costs with them.

Either would do. Both are there because the one that died may be the one that looks.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from decimal import Decimal

from asgiref.sync import async_to_sync
from django.db import DatabaseError
from django.utils import timezone

from billing.models import LedgerEntry
from chat import checking, costs, owed
from chat.citations import Cited
from chat.closing import Outcome, close_turn
from chat.models import OwedGeneration, Turn
from chat.telling import ended
from chat.upstream import client, make_client
from wisqu.api.threads import in_thread
from wisqu.api.vigil import AHEAD, Vigil
from wisqu.openrouter.types import Usage

log = logging.getLogger(__name__)

INTERVAL_S = 5.0
# Running turns show a sign of life every 0.75 s; a process that is silent for this long is dead.
DEAD_AFTER = timedelta(seconds=12)
_vigil = Vigil(for_s=3.0)
_MOST_AT_ONCE = 50
# More than a model sends between two saves.
_UNSAVED_EVENTS = 500


async def keep_sweeping() -> None:
    """Look for abandoned turns as long as the process lives; one small query each time."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        try:
            await in_thread(close_abandoned_turns)
            await owed.pay_due(client())
        except DatabaseError:
            log.warning("abandoned turns could not be looked for")


def close_abandoned_turns(vigil: Vigil = _vigil) -> int:
    """Close the turns that a dead process left behind, with the text they have; return how many."""
    now = timezone.now()
    silent = Turn.objects.silent(since=now - DEAD_AFTER, until=now + AHEAD)
    dead = vigil.dead(dict(silent.values_list("id", "heartbeat_at")[:_MOST_AT_ONCE]))
    if not dead:
        return 0
    return sum(_close(turn) for turn in silent.filter(id__in=dead).select_related("answer"))


def _close(turn: Turn) -> bool:
    answer = turn.answer
    outcome = Outcome(
        status=Turn.Status.FAILED,
        content=answer.content,
        citations=[Cited(**each) for each in answer.citations],
        findings=checking.find(answer.content),
        generation_id=answer.generation_id,
        error_code="interrupted",
        error_detail="The server stopped while this answer was being written. What had arrived was kept.",
        cost_source=LedgerEntry.CostSource.LOOKUP,
        models_attempted=tuple(answer.models_attempted),
        has_owed=OwedGeneration.objects.filter(message_id=answer.id).exists()
        or LedgerEntry.objects.filter(reference=answer.id).exists(),
        stream_ends=_with_gap(answer.stream_ends),
    )
    if answer.generation_id:
        outcome.usage, outcome.cache_discount_usd = async_to_sync(_look_up)(answer.generation_id)
        outcome.is_settled_later = outcome.usage is None
    is_closed = close_turn(turn_id=turn.id, answer=answer, outcome=outcome) is not None
    if is_closed:
        ended(outcome, answer)
        log.warning("closed an abandoned turn", extra={"turn_id": str(turn.id)})
    return is_closed


def _with_gap(stream_ends: bytes | memoryview | None) -> bytes:
    """Leave room for the events that readers saw after the last save, so that the final one is new to everybody."""
    known = bytes(stream_ends or b"\0\0\0\0")
    return known + known[-4:] * _UNSAVED_EVENTS


async def _look_up(generation_id: str) -> tuple[Usage | None, Decimal | None]:
    its_own = make_client()
    try:
        return await costs.look_up(its_own, generation_id, tries_s=costs.AT_ONCE_S)
    finally:
        await its_own.close()
