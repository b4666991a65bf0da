"""What imported answers quote of the Qur'an, found by a job: whoever imports does not wait for it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db.models import QuerySet

from chat import checking
from chat.models import Message

_AT_ONCE = 100


def check_imported(conversation_ids: Sequence[uuid.UUID]) -> int:
    """Find what the imported answers of these conversations quote; return in how many something was found.

    Answers that were given here keep what was found at their end. Doing it twice changes nothing.
    """
    answers = Message.objects.filter(
        conversation_id__in=conversation_ids, role=Message.Role.ASSISTANT, turn=None
    )
    ids = list(answers.values_list("id", flat=True))
    return sum(
        _check(answers.filter(id__in=ids[begin : begin + _AT_ONCE])) for begin in range(0, len(ids), _AT_ONCE)
    )


def _check(answers: QuerySet[Message]) -> int:
    marked = []
    for answer in answers.only("id", "content"):
        found = checking.find(answer.content)
        if found:
            answer.quotations, answer.references = found.quotations, found.references
            marked.append(answer)
    Message.objects.bulk_update(marked, ["quotations", "references"])
    return len(marked)
