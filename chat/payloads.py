"""Bytes of files, put into a request at the last moment: until then its parts only name where the bytes are kept.

A prompt is made inside a transaction, which is no place to fetch megabytes.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from chat.fallback import Candidate
from chat.models import Attachment
from wisqu.files import storage
from wisqu.openrouter.types import AudioPart, ChatRequest, FilePart, ImagePart, Message, Part, TextPart

log = logging.getLogger(__name__)

_MARK = "stored:"


def stored(attachment: Attachment) -> str:
    """Return what stands in a part for the file's bytes."""
    return f"{_MARK}{attachment.media_type}:{attachment.key}"


def is_needed(request: ChatRequest) -> bool:
    """Tell whether the request has parts whose bytes are still to be put in."""
    return any(_reference(part) for message in request.messages for part in message.parts)


def loaded(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates with all bytes in their requests; each file is read once. Blocks while it is read."""
    known: dict[str, Part] = {}
    found = []
    for candidate in candidates:
        messages = tuple(_filled(message, known) for message in candidate.request.messages)
        request = msgspec.structs.replace(candidate.request, messages=messages)
        found.append(replace(candidate, request=request))
    return tuple(found)


def _filled(message: Message, known: dict[str, Part]) -> Message:
    if not any(map(_reference, message.parts)):
        return message
    return msgspec.structs.replace(message, parts=tuple(_part(part, known) for part in message.parts))


def _part(part: Part, known: dict[str, Part]) -> Part:
    reference = _reference(part)
    if not reference:
        return part
    if reference not in known:
        known[reference] = _read(part, reference)
    return known[reference]


def _reference(part: Part) -> str:
    value = ""
    if isinstance(part, ImagePart):
        value = part.url
    elif isinstance(part, FilePart | AudioPart):
        value = part.data
    return value if value.startswith(_MARK) else ""


def _read(part: Part, reference: str) -> Part:
    """Return the part with its bytes; a word about it where the file is gone or can't be read now."""
    media_type, _, key = reference.removeprefix(_MARK).partition(":")
    try:
        data = base64.b64encode(storage.read(key)).decode()
    except Exception:  # whatever a storage raises: each kind has errors of its own
        log.warning("an attached file could not be read", extra={"key": key}, exc_info=True)
        return TextPart("[A file that was attached here could not be read.]")
    if isinstance(part, AudioPart):
        return AudioPart(data, part.format)
    address = f"data:{media_type};base64,{data}"
    return ImagePart(address) if isinstance(part, ImagePart) else FilePart(_name(part), address)


def _name(part: Part) -> str:
    return part.filename if isinstance(part, FilePart) else ""
