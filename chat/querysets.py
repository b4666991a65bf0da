"""Filters of conversations, messages and turns, under the names that the rest of the app uses."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from chat.models import Conversation, Message, Turn


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Conversations of one owner."""

    def for_owner(self, owner_id: uuid.UUID) -> ConversationQuerySet:
        """Only what this person owns; everything else does not exist for them."""
        return self.filter(owner_id=owner_id)

    def active(self) -> ConversationQuerySet:
        """Not put away."""
        return self.filter(archived_at=None)


class MessageQuerySet(models.QuerySet["Message"]):
    """Messages of conversations of one owner."""

    def for_owner(self, owner_id: uuid.UUID) -> MessageQuerySet:
        """Only messages in this person's conversations."""
        return self.filter(conversation__owner_id=owner_id)

    def for_reading(self) -> MessageQuerySet:
        """Without the bookkeeping of the stream, which only a resume needs."""
        return self.defer("stream_ends")


class TurnQuerySet(models.QuerySet["Turn"]):
    """Turns of one owner."""

    def for_owner(self, owner_id: uuid.UUID) -> TurnQuerySet:
        """Only this person's turns."""
        return self.filter(owner_id=owner_id)

    def running(self) -> TurnQuerySet:
        """Not ended yet."""
        return self.filter(status="running")

    def abandoned(self, *, since: datetime) -> TurnQuerySet:
        """Running, but with no sign of life since that moment."""
        return self.running().filter(heartbeat_at__lt=since)
