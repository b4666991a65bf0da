"""Filters of conversations, messages and turns, under the names that the rest of the app uses."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connections, models

from chat.prompts import MESSAGE_OVERHEAD

if TYPE_CHECKING:
    from chat.models import Conversation, Message, Turn  # noqa: F401 - named in strings


_BRANCH = """
WITH RECURSIVE chain(id, parent_id, total, place) AS (
    SELECT id, parent_id, token_estimate + %s, 0 FROM chat_message WHERE id = %s
    UNION ALL
    SELECT message.id, message.parent_id, chain.total + message.token_estimate + %s, chain.place + 1
    FROM chat_message AS message JOIN chain ON message.id = chain.parent_id
    WHERE chain.total <= %s
)
SELECT message.id, message.role, message.content, message.attached, message.guidance, chain.total,
       message.token_estimate, message.created_at
FROM chain JOIN chat_message AS message ON message.id = chain.id
WHERE chain.total <= %s ORDER BY chain.place
"""


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Conversations of one owner."""

    def for_owner(self, owner_id: uuid.UUID) -> ConversationQuerySet:
        """Only what this person owns and has not thrown away; everything else does not exist for them."""
        return self.filter(owner_id=owner_id, deleted_at=None)

    def listed(self) -> ConversationQuerySet:
        """Not temporary: in lists, search and exports."""
        return self.filter(is_temporary=False)

    def for_page(self) -> ConversationQuerySet:
        """With what is told beside each: whether it is shared."""
        return self.select_related("share")

    def active(self) -> ConversationQuerySet:
        """Not put away."""
        return self.filter(archived_at=None)


class MessageQuerySet(models.QuerySet["Message"]):
    """Messages of conversations of one owner."""

    def for_owner(self, owner_id: uuid.UUID) -> MessageQuerySet:
        """Only messages in this person's conversations that were not thrown away."""
        return self.filter(conversation__owner_id=owner_id, conversation__deleted_at=None)

    def branch(self, last_id: uuid.UUID, *, token_budget: int) -> list[Message]:
        """Return the newest messages of the branch that ends there, oldest first, as many as fit the budget.

        The database walks from child to parent and stops where the budget does, so that the cost follows what is
        used and not what is kept. Each message counts its estimate and `MESSAGE_OVERHEAD`.
        """
        key = self.model._meta.pk.get_db_prep_value(last_id, connections[self.db])
        found = self.raw(_BRANCH, [MESSAGE_OVERHEAD, key, MESSAGE_OVERHEAD, token_budget, token_budget])
        return list(found)[::-1]

    def for_reading(self) -> MessageQuerySet:
        """With what was said about them, without the bookkeeping of the stream, which only a resume needs."""
        return self.defer("stream_ends").select_related("feedback", "review")


class TurnQuerySet(models.QuerySet["Turn"]):
    """Turns of one owner."""

    def for_owner(self, owner_id: uuid.UUID) -> TurnQuerySet:
        """Only this person's turns."""
        return self.filter(owner_id=owner_id)

    def running(self) -> TurnQuerySet:
        """Not ended yet."""
        return self.filter(status="running")

    def silent(self, *, since: datetime, until: datetime) -> TurnQuerySet:
        """Running, but with no sign of life between these moments."""
        return self.running().filter(models.Q(heartbeat_at__lt=since) | models.Q(heartbeat_at__gt=until))
