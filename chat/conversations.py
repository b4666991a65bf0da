"""Conversations: making, renaming, finding a place to go on from."""

from __future__ import annotations

import uuid

from django.utils import timezone

from chat.models import Conversation, Message
from wisqu.api.problems import NotFound, Problem

TITLE_LENGTH = 60


def title_from(text: str) -> str:
    """Return a title for a conversation that begins with this text: its first line, cut at a word."""
    return shortened(next((line.strip() for line in text.splitlines() if line.strip()), ""), TITLE_LENGTH)


def shortened(line: str, length: int) -> str:
    """Return the line, cut at a word where it has more characters than `length`."""
    if len(line) <= length:
        return line
    head = line[: length - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[20:] else head).rstrip(" ,;:،؛-") + "…"


def owned(*, owner_id: uuid.UUID, conversation_id: uuid.UUID) -> Conversation:
    """Return the conversation with its head. Raises NotFound when it is missing or somebody else's."""
    found: Conversation | None = (
        Conversation.objects.for_owner(owner_id)
        .select_related("head__parent")
        .filter(id=conversation_id)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def is_place(owner_id: uuid.UUID, conversation_id: uuid.UUID | None, message_id: uuid.UUID | None) -> bool:
    """Tell whether the conversation is this person's, and the message one of it; what is None is not looked for."""
    if conversation_id and not Conversation.objects.for_owner(owner_id).filter(id=conversation_id).exists():
        return False
    if message_id is None:
        return True
    messages = Message.objects.for_owner(owner_id).filter(id=message_id)
    if conversation_id:
        messages = messages.filter(conversation_id=conversation_id)
    return messages.exists()


def place_to_continue(
    conversation: Conversation, parent_id: uuid.UUID | None, *, question: str
) -> Message | None:
    """Return the answer that a new question follows; None at the beginning.

    Without a wish it is the last answer of the shown branch. While that one is still being written, the question
    becomes its sibling and follows what stands before it; so does the same question asked again after a failure, which
    leaves the failed attempt out of the history. Raises NotFound for a message of another conversation, and Problem
    422 `parent_is_question` for one that is no answer.
    """
    if parent_id is None:
        head = conversation.head
        if head is None or head.parent is None:
            return head
        is_repeated = head.status == Message.Status.FAILED and head.parent.content == question
        return head.parent.parent if is_repeated or head.status == Message.Status.STREAMING else head
    parent = Message.objects.filter(conversation_id=conversation.id, id=parent_id).first()
    if parent is None:
        raise NotFound
    if parent.role != Message.Role.ASSISTANT:
        raise Problem(
            422, "parent_is_question", "A question can only follow an answer; parent_id names a question."
        )
    return parent


def touch(conversation: Conversation, head: Message) -> None:
    """Show the branch that ends with this message, and put the conversation first in the list."""
    now = timezone.now()
    Conversation.objects.filter(id=conversation.id).update(head=head, last_message_at=now, updated_at=now)
