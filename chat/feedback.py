"""What people think of answers, and whether staff may read along."""

from __future__ import annotations

import uuid
from typing import Any

from chat import reviews
from chat.models import Feedback, Message
from wisqu.api.problems import NotFound, Problem


def give(
    *,
    owner_id: uuid.UUID,
    message_id: uuid.UUID,
    rating: str,
    reason: str = "",
    note: str = "",
    may_be_read: bool = False,
) -> Feedback:
    """Rate one's answer, in the place of an earlier rating; staff look at it anew.

    Raises NotFound, and Problem 422 `not_an_answer` for a question or an answer that is still being written.
    """
    message = Message.objects.for_owner(owner_id).filter(id=message_id).only("role", "status").first()
    if message is None:
        raise NotFound
    if message.role != Message.Role.ASSISTANT or message.status == Message.Status.STREAMING:
        raise Problem(422, "not_an_answer", "Only an answer that has ended can be rated.")
    values = {
        "rating": rating,
        "reason": reason,
        "note": note,
        "may_be_read": may_be_read,
        "handled_at": None,
    }
    given, _ = Feedback.objects.update_or_create(message_id=message_id, defaults=values)
    reviews.open_for_reaction(given)
    return given


def take_back(*, owner_id: uuid.UUID, message_id: uuid.UUID) -> None:
    """Forget what was said about an answer. Raises NotFound for a message that is not one's own."""
    if not Message.objects.for_owner(owner_id).filter(id=message_id).exists():
        raise NotFound
    Feedback.objects.filter(message_id=message_id).delete()


def document(given: Feedback | None) -> dict[str, Any] | None:
    """Return the feedback as its giver sees it."""
    if given is None:
        return None
    return {
        "rating": given.rating,
        "reason": given.reason or None,
        "note": given.note,
        "consent": given.may_be_read,
    }


def loaded(message: Message) -> Feedback | None:
    """Return the feedback that was read with the message; never asks the database."""
    found: Feedback | None = message._state.fields_cache.get("feedback")
    return found
