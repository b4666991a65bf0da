"""What the page shows of a conversation: the branch that ends at its head, newest part first."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import connections

from chat.models import Conversation, Message

PAGE = 50

_CHAIN = """
WITH RECURSIVE chain(id, parent_id, place) AS (
    SELECT id, parent_id, 1 FROM chat_message WHERE id = %s AND conversation_id = %s
    UNION ALL
    SELECT message.id, message.parent_id, chain.place + 1
    FROM chat_message AS message JOIN chain ON message.id = chain.parent_id WHERE chain.place < %s
)
SELECT id FROM chain
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Messages in the order of reading; `earlier` is the message before them, if there is one."""

    messages: list[Message]
    earlier: uuid.UUID | None


def part_of_branch(
    conversation: Conversation, *, last_id: uuid.UUID | None = None, limit: int = PAGE
) -> Part:
    """Return at most `limit` messages of the branch that ends with `last_id`, by default with the head."""
    last_id = last_id or conversation.head_id
    if last_id is None:
        return Part([], None)
    rows = Message.objects.filter(id__in=_chain(conversation.id, last_id, limit))
    messages = sorted(rows.for_reading().select_related("turn"), key=lambda message: message.depth)
    return Part(messages, messages[0].parent_id if messages else None)


def _chain(conversation_id: uuid.UUID, last_id: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Return the ids from the last message upwards."""
    connection = connections[Message.objects.db]
    to_column = Message._meta.pk.get_db_prep_value
    found = Message.objects.raw(
        _CHAIN, [to_column(last_id, connection), to_column(conversation_id, connection), limit]
    )
    return [message.id for message in found]
