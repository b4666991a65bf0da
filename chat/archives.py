"""Conversations as files: one as Markdown or JSON, all of them as a zip with their files."""

from __future__ import annotations

import re
import tempfile
import uuid
import zipfile
from typing import Any, BinaryIO
from urllib.parse import quote

from chat import attaching, citations
from chat.documents import message_document
from chat.exports import asked_files_of
from chat.models import Conversation, Message
from chat.notes import notes_on
from chat.reading import branch_ids
from wisqu.accounts import exports
from wisqu.api.bodies import encode_json

FORMAT = "wisqu.conversation.v1"
_NOT_A_NAME = re.compile(r"[^\w-]+")


def as_json(conversation: Conversation) -> dict[str, Any]:
    """Return a conversation with all its branches, in a form that `chat.importing` reads."""
    messages = conversation.messages.for_reading().order_by("id")
    return {
        "format": FORMAT,
        "id": conversation.id,
        "title": conversation.title,
        "created_at": conversation.created_at,
        "head_id": conversation.head_id,
        "messages": [message_document(message) for message in messages.iterator(chunk_size=500)],
    }


def as_markdown(conversation: Conversation) -> str:
    """Return the branch that is shown, as a text to read."""
    parts = [f"# {conversation.title or 'Conversation'}"]
    for message in _shown(conversation):
        moment = f"{message.created_at:%Y-%m-%d %H:%M} UTC"
        if message.role == Message.Role.USER:
            names = [f"- {each['name']}" for each in message.attached]
            parts += [f"## Question ({moment})", *(["\n".join(names)] if names else []), message.content]
            continue
        parts += [
            f"## Answer ({message.final_model_used or message.model or 'a model'}, {moment})",
            citations.as_markdown(message.content, message.citations),
        ]
        if found := citations.sources(message.citations):
            parts += ["Sources:", "\n".join(f"{source.number}. {source.as_markdown}" for source in found)]
        if lines := notes_on(message.quotations, message.references):
            parts += ["Quotations from the Qur'an, checked:", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def _shown(conversation: Conversation) -> list[Message]:
    if conversation.head_id is None:
        return []
    found = Message.objects.in_bulk(branch_ids(conversation.id, conversation.head_id))
    return sorted(found.values(), key=lambda message: message.depth)


def file_name(conversation: Conversation, ending: str) -> str:
    """Return what to call the file: the title as far as every system takes it."""
    title = _NOT_A_NAME.sub("-", conversation.title).strip("-")[:60]
    return f"{title or 'conversation'}.{ending}"


def disposition(name: str) -> str:
    """Return the header that makes a browser keep an answer as a file of that name."""
    plain = name.encode("ascii", "ignore").decode().strip("-") or "conversation"
    plain = f"conversation{plain}" if plain.startswith(".") else plain
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def whole_zip(owner_id: uuid.UUID) -> BinaryIO:
    """Return a ZIP file, read from its start: a person's conversations, the oldest first, each as JSON and as Markdown,
    and the files of their questions. It grows on disk, not in memory."""
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    rows = Conversation.objects.for_owner(owner_id).listed().order_by("id")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, conversation in enumerate(rows.iterator(chunk_size=200), start=1):
            archive.writestr(
                f"{number:05}-{file_name(conversation, 'json')}", encode_json(as_json(conversation))
            )
            archive.writestr(f"{number:05}-{file_name(conversation, 'md')}", as_markdown(conversation))
        exports.pack(archive, attaching.FOLDER, asked_files_of(owner_id))
    file.seek(0)
    return file
