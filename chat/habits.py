"""What the product has seen of how conversations go on: counted by a job, kept in a table, read into the process."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from chat.models import ConversationHabit, Message
from chat.outlook import Habit, HabitKey, count

log = logging.getLogger(__name__)

# Older conversations say little about today's people.
_LOOKS_BACK = timedelta(days=60)
# Whether a turn was the last one is known only after a while.
_SETTLED_AFTER = timedelta(days=1)
_FRESH_S = 600.0

_known: tuple[float, Mapping[HabitKey, Habit]] | None = None


def current() -> Mapping[HabitKey, Habit]:
    """Return the habits by class of turn; at most ten minutes old."""
    global _known
    if _known is None or time.monotonic() - _known[0] > _FRESH_S:
        rows = ConversationHabit.objects.all()
        found = {
            HabitKey(row.preset, row.length_class, row.turn_class): Habit(
                row.ended, row.short, row.long, row.longer
            )
            for row in rows
        }
        _known = (time.monotonic(), found)
    return _known[1]


def forget() -> None:
    """Read the table again at the next question."""
    global _known
    _known = None


def learn(now: datetime | None = None) -> int:
    """Count again from the stored answers, replacing the table; return how many turns were seen."""
    now = now or timezone.now()
    answers = Message.objects.filter(role=Message.Role.ASSISTANT, created_at__gte=now - _LOOKS_BACK)
    columns = answers.order_by("conversation_id", "id").values_list(
        "conversation_id", "depth", "created_at", "prompt_tokens", "prompt_tokens_estimated", "preset"
    )
    seen = (
        (talk, depth, moment, actual, estimated, habit_of(preset))
        for talk, depth, moment, actual, estimated, preset in columns.iterator(chunk_size=5_000)
    )
    counted = count(seen, settled_before=now - _SETTLED_AFTER)
    with transaction.atomic():
        ConversationHabit.objects.all().delete()
        ConversationHabit.objects.bulk_create(_row(key, habit) for key, habit in counted.items())
    forget()
    return sum(habit.ended + habit.went_on for habit in counted.values())


def habit_of(preset_used: Mapping[str, Any] | None) -> str:
    """Return the preset under which an answer is counted: a published one's slug; people's own are too many."""
    return preset_used["slug"] if preset_used is not None and preset_used["is_public"] else ""


def _row(key: HabitKey, habit: Habit) -> ConversationHabit:
    return ConversationHabit(
        preset=key.preset,
        length_class=key.length,
        turn_class=key.turn,
        ended=habit.ended,
        short=habit.short,
        long=habit.long,
        longer=habit.longer,
    )
