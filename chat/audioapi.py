"""The door to transcription: a recording in, its words out."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja import Header, Router, Schema

from chat import hearing
from wisqu.api import idempotency
from wisqu.api.bodies import encode_json
from wisqu.api.problems import FieldError, Invalid, Problem
from wisqu.api.threads import in_thread

router = Router(tags=["audio"])

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_LONGEST_PROMPT = 1000
_FIELDS = ("language", "prompt", "model", "response_format")
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "WAV, MP3, M4A, Ogg, FLAC or WebM, of at most 25 MB.",
                        },
                        "language": {
                            "type": "string",
                            "description": "The language that is spoken, as a code of ISO 639 such as `ar`.",
                        },
                        "prompt": {
                            "type": "string",
                            "maxLength": _LONGEST_PROMPT,
                            "description": "Names and rare words that may be said.",
                        },
                        "model": {
                            "type": "string",
                            "description": "For clients that name one: the model of this service, as answers tell it.",
                        },
                        "response_format": {"type": "string", "enum": ["json"]},
                    },
                }
            }
        },
    }
}


class TranscriptionUsage(Schema):
    """What a transcript took. `audio_seconds` count against the plan's audio minutes."""

    audio_seconds: int
    cost_usd: float | None


class Transcript(Schema):
    """What was said; empty where nobody spoke."""

    id: uuid.UUID
    text: str
    duration_ms: int
    model: str
    usage: TranscriptionUsage


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    declared: str
    data: bytes
    options: dict[str, str]


@router.post("/audio/transcriptions", response=Transcript, summary="Sound to text", openapi_extra=_FORM)
async def create_transcription(
    request: HttpRequest, idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key")] = None
) -> HttpResponse:
    """Return what a recording says.

    How long it is, is measured here, and counts against the plan's audio minutes: once, and only where there is an
    answer. `prompt` and `language` help the model.
    """
    owner_id: uuid.UUID = request.auth[0].pk  # type: ignore[attr-defined]
    form = await in_thread(_read, request)
    key = idempotency.read_key(idempotency_key)
    if key is None:
        return _answer(await _transcribed(owner_id, form))
    known = await in_thread(idempotency.claim, owner_id=owner_id, key=key, mark=_mark(request.path, form))
    if known is not None:
        return HttpResponse(bytes(known.body or b""), status=known.status, content_type="application/json")
    try:
        body = await _transcribed(owner_id, form)
    except BaseException:
        await in_thread(idempotency.forget, owner_id=owner_id, key=key)
        raise
    await in_thread(idempotency.remember, owner_id=owner_id, key=key, status=200, body=body)
    return _answer(body)


async def _transcribed(owner_id: uuid.UUID, form: _Form) -> bytes:
    heard = await hearing.put_into_words(
        owner_id, form.data, name=form.name, declared=form.declared, **form.options
    )
    return encode_json(
        {
            "id": heard.id,
            "text": heard.text,
            "duration_ms": heard.sound.duration_ms,
            "model": heard.model,
            "usage": {"audio_seconds": heard.sound.seconds, "cost_usd": heard.cost_usd},
        }
    )


def _answer(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type="application/json")


def _mark(path: str, form: _Form) -> str:
    digest = hashlib.sha256(form.data).hexdigest()
    return idempotency.fingerprint("POST", path, {"file": [form.name, digest], **form.options})


def _read(request: HttpRequest) -> _Form:
    """Return the form. Raises Problem 400, 413 and 422."""
    try:
        files, fields = request.FILES.getlist("file"), request.POST
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise Problem(400, "bad_request", "The form can't be read.") from error
    if len(files) != 1 or set(request.FILES) != {"file"}:
        detail = "Send one file, in the field `file` of a multipart/form-data body."
        raise Invalid(detail=detail, errors=[FieldError("file", "required", detail)])
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        raise Invalid(
            errors=[FieldError(name, "unknown_field", "There is no such field.") for name in unknown]
        )
    (file,) = files
    if (file.size or 0) > hearing.MOST_BYTES:
        raise hearing.too_large()
    return _Form(file.name or "", file.content_type or "", file.read(), _options(fields))


def _options(fields: Any) -> dict[str, str]:
    language, prompt = fields.get("language", "").strip().lower(), fields.get("prompt", "").strip()
    if language and not _LANGUAGE.fullmatch(language):
        raise Invalid(errors=[FieldError("language", "invalid", "A code of ISO 639, such as `ar` or `en`.")])
    if len(prompt) > _LONGEST_PROMPT or "\x00" in prompt:
        raise Invalid(errors=[FieldError("prompt", "too_long", f"At most {_LONGEST_PROMPT:,} characters.")])
    if fields.get("model", model := settings.TRANSCRIPTION_MODEL) != model:
        raise Invalid(errors=[FieldError("model", "unknown_model", f"Recordings are heard by {model}.")])
    if fields.get("response_format", "json") != "json":
        raise Invalid(errors=[FieldError("response_format", "invalid", "The answer is JSON: `json`.")])
    return {"language": language, "prompt": prompt}
