"""Keeping order: throwing conversations away and taking that back, and what goes by itself."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from chat.models import Conversation, Turn

# For so long a deletion can be taken back; then the next sweep makes it final.
UNDO_FOR = timedelta(minutes=5)
# A temporary conversation whose page never said goodbye.
TEMPORARY_FOR = timedelta(hours=24)
# Deleted at a time, so that no transaction holds up those who chat.
BATCH = 50


@transaction.atomic
def throw_away(*, owner_id: uuid.UUID, conversation_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Hide these conversations from everything and stop their turns; return those that were there.

    Until `UNDO_FOR` has passed, `take_back` brings them back as they were.
    """
    rows = Conversation.objects.for_owner(owner_id).filter(id__in=conversation_ids)
    found = list(rows.select_for_update().values_list("id", flat=True))
    now = timezone.now()
    Conversation.objects.filter(id__in=found).update(deleted_at=now)
    Turn.objects.running().filter(conversation_id__in=found, stop_requested_at=None).update(
        stop_requested_at=now
    )
    return found


def take_back(*, owner_id: uuid.UUID, conversation_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Bring thrown away conversations back; return those that were still there."""
    rows = Conversation.objects.filter(owner_id=owner_id, id__in=conversation_ids).exclude(deleted_at=None)
    found = list(rows.filter(deleted_at__gt=timezone.now() - UNDO_FOR).values_list("id", flat=True))
    Conversation.objects.filter(id__in=found).update(deleted_at=None)
    return found


def clear_out() -> int:
    """Delete for good what was thrown away, and temporary conversations that nobody closed; return how many."""
    now = timezone.now()
    is_over = Q(deleted_at__lt=now - UNDO_FOR) | Q(is_temporary=True, last_message_at__lt=now - TEMPORARY_FOR)
    ids = list(Conversation.objects.filter(is_over).values_list("id", flat=True))
    for begin in range(0, len(ids), BATCH):
        # Asked again: somebody may just have taken it back, or gone on.
        Conversation.objects.filter(is_over, id__in=ids[begin : begin + BATCH]).delete()
    return len(ids)


def let_go_of_old() -> int:
    """Delete for good in what nothing was said for RETENTION_DAYS; return how many conversations. 0 days: nothing."""
    if not settings.RETENTION_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.RETENTION_DAYS)
    is_old = Q(last_message_at__lt=before)
    gone = 0
    while ids := list(Conversation.objects.filter(is_old).values_list("id", flat=True)[:BATCH]):
        # Asked again: somebody may just have gone on.
        Conversation.objects.filter(is_old, id__in=ids).delete()
        gone += len(ids)
    return gone
