"""What a person takes along of the chat: every conversation with every message."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from chat import sharing
from chat.documents import message_document
from chat.models import Attachment, Conversation, Message, MessageAttachment
from wisqu.accounts.models import User


def attachments_of(user: User) -> list[dict[str, Any]]:
    """Return the user's files, oldest first, each with its text; `url` is where its bytes are fetched."""
    facts = ("id", "name", "media_type", "size", "sha256", "pages", "width", "height", "duration_ms", "text")
    rows = Attachment.objects.for_owner(user.pk).order_by("id")
    return [
        {**{name: getattr(row, name) for name in facts}, "url": f"/api/v1/attachments/{row.id}/file"}
        for row in rows.iterator(chunk_size=50)
    ]


def files_of(user: User) -> Iterator[tuple[str, str]]:
    """Yield the name that each of the user's files has in the archive, and the key it is kept under."""
    return _places(Attachment.objects.for_owner(user.pk))


def asked_files_of(owner_id: uuid.UUID) -> Iterator[tuple[str, str]]:
    """Yield the same of those files alone that belong to the person's conversations."""
    conversations = Conversation.objects.for_owner(owner_id).listed()
    links = MessageAttachment.objects.filter(message__conversation__in=conversations)
    return _places(Attachment.objects.for_owner(owner_id).filter(id__in=links.values("attachment")))


def _places(files: QuerySet[Attachment]) -> Iterator[tuple[str, str]]:
    for file_id, key in files.order_by("id").values_list("id", "key").iterator():
        yield f"{file_id}.{key.rpartition('.')[2]}", key


def conversations_of(user: User) -> list[dict[str, Any]]:
    """Return the user's conversations, oldest first, each with its messages; two queries."""
    rows = Conversation.objects.for_owner(user.pk).listed().select_related("folder", "share").order_by("id")
    found: dict[Any, dict[str, Any]] = {
        row.id: {
            "id": row.id,
            "title": row.title,
            "model": row.model or None,
            "preset": row.preset_id,
            "folder": row.folder.name if row.folder else None,
            "pinned_at": row.pinned_at,
            "archived_at": row.archived_at,
            "share": sharing.document(shared) if (shared := sharing.loaded(row)) else None,
            "created_at": row.created_at,
            "last_message_at": row.last_message_at,
            "head_id": row.head_id,
            "messages": [],
        }
        for row in rows
    }
    messages = Message.objects.for_owner(user.pk).filter(conversation__is_temporary=False)
    for message in messages.for_reading().order_by("id").iterator(chunk_size=500):
        if message.conversation_id in found:  # else it was begun since
            found[message.conversation_id]["messages"].append(message_document(message))
    return list(found.values())
