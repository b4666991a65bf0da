"""Pictures to start from: of our own by id, or brought along as a `data:` URL. Each wish keeps a copy."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from imagery.models import GeneratedImage
from wisqu.api.problems import FieldError, Invalid, NotFound
from wisqu.files import storage
from wisqu.media import worker
from wisqu.media.refusals import FileRefused

FOLDER = "images"
LONGEST_SIDE = 2048

# Returns the bytes of a picture that a person owns, or None: `(owner_id, object_id)`.
Source = Callable[[uuid.UUID, uuid.UUID], bytes | None]
_sources: list[Source] = []


@dataclass(frozen=True, slots=True)
class Input:
    """Where the copy is kept, and the id of what it was."""

    key: str = ""
    id: uuid.UUID | None = None


NONE = Input()


def register(source: Source) -> None:
    """Let an upper app's pictures (attachments) be started from as well."""
    if source not in _sources:
        _sources.append(source)


def take(*, owner_id: uuid.UUID, wished: str) -> Input:
    """Return a cleaned copy of the picture.

    Raises NotFound for one that is missing or somebody else's, Invalid (422) for what is no picture or is too much.
    """
    if not wished:
        return NONE
    object_id = _id(wished)
    data = _of_url(wished) if object_id is None else _of_person(owner_id, object_id)
    try:
        clean = worker.run("pictures:clean", data, longest_side=LONGEST_SIDE)
    except FileRefused as refused:
        raise _invalid(refused.why.value, refused.detail) from None
    ending = str(clean["media_type"]).removeprefix("image/")
    return Input(storage.save(folder=FOLDER, ending=ending, data=clean["data"]), object_id)


def as_url(key: str) -> str:
    """Return a kept picture as the `data:` URL that goes to the model."""
    kind = key.rpartition(".")[2]
    return f"data:image/{kind};base64,{base64.b64encode(storage.read(key)).decode()}"


def _id(wished: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(wished)
    except ValueError:
        return None


def _of_url(url: str) -> bytes:
    head, comma, data = url.partition(",")
    if not (comma and head.startswith("data:image/") and head.endswith(";base64")):
        raise _invalid("invalid", "The id of an image or attachment of yours, or a data: URL of a picture.")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("invalid", "The data: URL is not valid base64.") from None


def _of_person(owner_id: uuid.UUID, object_id: uuid.UUID) -> bytes:
    image = GeneratedImage.objects.for_owner(owner_id).filter(id=object_id).exclude(key="").first()
    if image is not None:
        return storage.read(image.key)
    for source in _sources:
        data = source(owner_id, object_id)
        if data is not None:
            return data
    raise NotFound(detail="There is no such image or attachment, or it is not yours.")


def _invalid(code: str, detail: str) -> Invalid:
    return Invalid(errors=[FieldError("input_image", code, detail)])
