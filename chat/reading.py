"""What the page shows of a conversation: a part of one branch, by default the end of the branch at its head."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from django.db import connections

from chat.branches import Siblings, leaf_under, siblings
from chat.models import Conversation, Message

PAGE = 50
# Below a message that somebody jumps to, this much of what followed is shown at once.
AFTER_A_JUMP = 20

_CHAIN = """
WITH RECURSIVE chain(id, parent_id, place) AS (
    SELECT id, parent_id, 1 FROM chat_message WHERE id = %s AND conversation_id = %s
    UNION ALL
    SELECT message.id, message.parent_id, chain.place + 1
    FROM chat_message AS message JOIN chain ON message.id = chain.parent_id WHERE chain.place < %s
)
SELECT id FROM chain
"""
# Deeper than any conversation; the walk ends at the first message anyway.
_WHOLE = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """Messages in the order of reading.

    `earlier` is the message before them, `later` the one that ends the part after them, `end` the end of the branch.
    `siblings` holds, by message, what stands in the same place.
    """

    messages: list[Message]
    earlier: uuid.UUID | None
    later: uuid.UUID | None = None
    end: uuid.UUID | None = None
    siblings: dict[uuid.UUID, Siblings] = field(default_factory=dict)


def part_of_branch(
    conversation: Conversation,
    *,
    last_id: uuid.UUID | None = None,
    leaf_id: uuid.UUID | None = None,
    limit: int = PAGE,
) -> Part:
    """Return at most `limit` messages of the branch that ends with `last_id`, by default with the head.

    With `leaf_id`, the end of a branch, the part knows what comes after it there.
    """
    last_id = last_id or leaf_id or conversation.head_id
    if last_id is None:
        return Part([], None)
    rows = Message.objects.filter(id__in=branch_ids(conversation.id, last_id, limit))
    messages = sorted(rows.for_reading().select_related("turn"), key=lambda message: message.depth)
    below = _below(conversation.id, last_id, leaf_id) if leaf_id else []
    return Part(
        messages=messages,
        earlier=messages[0].parent_id if messages else None,
        later=below[min(limit, len(below)) - 1] if below else None,
        end=leaf_id,
        siblings=siblings(messages),
    )


def part_around(conversation: Conversation, message_id: uuid.UUID) -> Part:
    """Return a part in which this message stands, of the shown branch or else of the newest one through it.

    Empty where the conversation has no such message.
    """
    leaf_id = conversation.head_id
    if leaf_id is None or message_id not in (chain := branch_ids(conversation.id, leaf_id)):
        leaf_id = leaf_under(message_id)
        chain = branch_ids(conversation.id, leaf_id)
    if message_id not in chain:
        return Part([], None)
    last = max(chain.index(message_id) - AFTER_A_JUMP, 0)
    return part_of_branch(conversation, last_id=chain[last], leaf_id=leaf_id)


def _below(conversation_id: uuid.UUID, message_id: uuid.UUID, leaf_id: uuid.UUID) -> list[uuid.UUID]:
    """Return what follows the message on the way to the leaf, in the order of reading."""
    chain = branch_ids(conversation_id, leaf_id)
    return chain[: chain.index(message_id)][::-1] if message_id in chain else []


def branch_ids(conversation_id: uuid.UUID, last_id: uuid.UUID, limit: int = _WHOLE) -> list[uuid.UUID]:
    """Return the ids of a branch from its last message upwards."""
    connection = connections[Message.objects.db]
    to_column = Message._meta.pk.get_db_prep_value
    found = Message.objects.raw(
        _CHAIN, [to_column(last_id, connection), to_column(conversation_id, connection), limit]
    )
    return [message.id for message in found]
