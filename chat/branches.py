"""Branches: an answer written again, a question asked otherwise, walking between them and deleting one.

A conversation is a tree. Nothing is overwritten: regenerating adds an answer beside the first, editing adds a question
beside the first, and the conversation's head says which branch is shown.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connections, transaction
from django.utils import timezone

from chat.inputs import ChatInput, EditInput, RegenerateInput
from chat.models import Conversation, Message, Turn
from chat.turns import OpenTurn, Place, Replay, open_turn
from wisqu.api.problems import NotFound, Problem

# The newest child of the newest child …: where a reader who picks a message arrives.
_LEAF = """
WITH RECURSIVE down(id, place) AS (
    SELECT %s, 0
    UNION ALL
    SELECT (SELECT id FROM chat_message WHERE parent_id = down.id ORDER BY id DESC LIMIT 1), down.place + 1
    FROM down WHERE down.id IS NOT NULL
)
SELECT id FROM down WHERE id IS NOT NULL ORDER BY place DESC LIMIT 1
"""
_BELOW = """
WITH RECURSIVE below(id) AS (
    SELECT %s
    UNION ALL
    SELECT message.id FROM chat_message AS message JOIN below ON message.parent_id = below.id
)
SELECT id FROM below
"""


@dataclass(frozen=True, slots=True)
class Siblings:
    """The messages that stand in one place of the tree, in the order they were made."""

    ids: list[uuid.UUID]
    number: int  # which of them this one is, from 1

    @property
    def before(self) -> uuid.UUID | None:
        """The one before, if there is one."""
        return self.ids[self.number - 2] if self.number > 1 else None

    @property
    def after(self) -> uuid.UUID | None:
        """The one after, if there is one."""
        return self.ids[self.number] if self.number < len(self.ids) else None


@transaction.atomic
def regenerate(
    *,
    owner_id: uuid.UUID,
    message_id: uuid.UUID,
    wishes: RegenerateInput,
    key: str | None = None,
    mark: str = "",
) -> OpenTurn | Replay:
    """Open a turn that answers the question of this message once more; the answer becomes a sibling.

    Raises NotFound, and whatever `open_turn` raises.
    """
    message = owned(owner_id=owner_id, message_id=message_id)
    question = message if message.role == Message.Role.USER else message.parent
    if question is None:
        raise NotFound
    chat = ChatInput(
        message=question.content, conversation_id=message.conversation_id, **wishes.dict(exclude_unset=True)
    )
    place = Place(message.conversation, question.parent, question)
    return open_turn(owner_id=owner_id, chat=chat, key=key, mark=mark, place=place)


@transaction.atomic
def edit(
    *, owner_id: uuid.UUID, message_id: uuid.UUID, wishes: EditInput, key: str | None = None, mark: str = ""
) -> OpenTurn | Replay:
    """Open a turn with another wording of this question; it becomes a sibling of the first.

    Raises NotFound, Problem 422 `not_a_question`, and whatever `open_turn` raises.
    """
    message = owned(owner_id=owner_id, message_id=message_id)
    if message.role != Message.Role.USER:
        raise Problem(422, "not_a_question", "Only questions can be edited; this message is an answer.")
    # Only the words are changed, unless files are named.
    said = {"attachments": [each["id"] for each in message.attached], **wishes.dict(exclude_unset=True)}
    chat = ChatInput(conversation_id=message.conversation_id, **said)
    return open_turn(
        owner_id=owner_id, chat=chat, key=key, mark=mark, place=Place(message.conversation, message.parent)
    )


def owned(*, owner_id: uuid.UUID, message_id: uuid.UUID) -> Message:
    """Return the message with its conversation and what stands before it. Raises NotFound."""
    rows = Message.objects.for_owner(owner_id).for_reading()
    message: Message | None = (
        rows.select_related("conversation", "parent__parent").filter(id=message_id).first()
    )
    if message is None:
        raise NotFound
    return message


def siblings(messages: Iterable[Message]) -> dict[uuid.UUID, Siblings]:
    """Return for each of these messages of one conversation the ones in its place, itself included; one query."""
    messages = list(messages)
    if not messages:
        return {}
    rows = Message.objects.filter(conversation_id=messages[0].conversation_id)
    parents = [message.parent_id for message in messages if message.parent_id]
    found: dict[uuid.UUID | None, list[uuid.UUID]] = defaultdict(list)
    wanted = rows.filter(parent_id__in=parents)
    if len(parents) < len(messages):
        wanted |= rows.filter(parent_id=None)
    for message_id, parent_id in wanted.order_by("id").values_list("id", "parent_id"):
        found[parent_id].append(message_id)
    together = {message.id: found[message.parent_id] for message in messages}
    return {own: Siblings(ids, ids.index(own) + 1) for own, ids in together.items() if own in ids}


def leaf_under(message_id: uuid.UUID) -> uuid.UUID:
    """Return the end of the newest branch that goes through this message."""
    return _ids(_LEAF, message_id)[-1]


def show(conversation: Conversation, message_id: uuid.UUID) -> None:
    """Show the newest branch that goes through this message. Raises NotFound for one of another conversation."""
    if not conversation.messages.filter(id=message_id).exists():
        raise NotFound
    conversation.head_id = leaf_under(message_id)
    Conversation.objects.filter(id=conversation.id).update(
        head_id=conversation.head_id, updated_at=timezone.now()
    )


@transaction.atomic
def delete(*, owner_id: uuid.UUID, message_id: uuid.UUID) -> list[uuid.UUID]:
    """Delete a message with everything that follows it; return the turns that were running in there.

    A question whose last answer goes, goes with it: nobody can continue after a question. Where the shown branch is
    cut, the newest one beside it is shown, else what stands before. Raises NotFound.
    """
    message = owned(owner_id=owner_id, message_id=message_id)
    conversation = Conversation.objects.select_for_update(of=("self",)).get(id=message.conversation_id)
    if message.role == Message.Role.ASSISTANT and message.parent is not None:
        others = Message.objects.filter(parent_id=message.parent_id).exclude(id=message.id)
        if not others.exists():
            message = message.parent
    gone = _ids(_BELOW, message.id)
    running = list(Turn.objects.running().filter(answer_id__in=gone).values_list("id", flat=True))
    is_shown = conversation.head_id in gone
    Message.objects.filter(id__in=gone).delete()
    if is_shown:
        _show_another(conversation, message)
    return running


def _show_another(conversation: Conversation, gone: Message) -> None:
    """Move the head off a branch that was deleted; `gone` was its first message."""
    beside = (
        Message.objects.filter(conversation=conversation, parent_id=gone.parent_id).order_by("-id").first()
    )
    head_id = leaf_under(beside.id) if beside is not None else gone.parent_id
    Conversation.objects.filter(id=conversation.id).update(head_id=head_id, updated_at=timezone.now())


def _ids(statement: str, message_id: uuid.UUID) -> list[uuid.UUID]:
    key = Message._meta.pk.get_db_prep_value(message_id, connections[Message.objects.db])
    return [row.id for row in Message.objects.raw(statement, [key])]
