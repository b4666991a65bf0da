"""POST /audio/transcriptions: base64 audio in JSON or a file in a form; a fixed text comes back."""

import base64
import binascii
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import ASGIApp

from wisqu.sandbox import scripted, tokens
from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.controls import parse
from wisqu.sandbox.errors import Refusal, bad_request
from wisqu.sandbox.faults import HttpFault
from wisqu.sandbox.http import new_entry, sandbox_of
from wisqu.sandbox.jsonbody import object_of
from wisqu.sandbox.ledger import Entry, new_id, shortened

FORMATS = frozenset({"wav", "mp3", "m4a", "ogg", "flac", "webm", "aac", "aiff", "mp4", "mpga", "mpeg"})
_MOST_BYTES = 25 * 1024 * 1024
_BYTES_A_SECOND = 16_000  # of compressed audio at 128 kbit/s
_TEXTS = {
    "en": (
        "This is a sample transcription from the sandbox.",
        "The recording was not listened to by any model.",
    ),
    "ar": ("هذا نص تجريبي من بيئة الاختبار.", "لم يستمع أي نموذج إلى هذا التسجيل."),
    "fa": ("این متن نمونه‌ای از محیط آزمایشی است.", "هیچ مدلی به این صدا گوش نداده است."),
    "ur": ("یہ آزمائشی ماحول کا ایک نمونہ متن ہے۔", "کسی ماڈل نے یہ آواز نہیں سنی۔"),
}


@dataclass(frozen=True, slots=True)
class Recording:
    """What was sent: the audio, its kind, and everything else of the request."""

    audio: bytes
    format: str
    name: str
    options: dict[str, Any]

    @property
    def seconds(self) -> Decimal:
        """Its length: from a WAV header, else from its size."""
        rate = int.from_bytes(self.audio[28:32], "little") if self.audio[:4] == b"RIFF" else _BYTES_A_SECOND
        size = max(0, len(self.audio) - 44) if self.audio[:4] == b"RIFF" else len(self.audio)
        return round(Decimal(size) / Decimal(rate or _BYTES_A_SECOND), 3)

    @property
    def prompt(self) -> str:
        """Where control words may stand: the prompt and the file's name."""
        return f"{self.options.get('prompt') or ''} {self.name}"


async def _from_json(request: Request) -> Recording:
    body = await object_of(request)
    given = body.pop("input_audio", None)
    if not isinstance(given, dict) or not isinstance(given.get("data"), str):
        raise Refusal(bad_request("input_audio: expected an object with data and format"))
    try:
        audio = base64.b64decode(given["data"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(bad_request("input_audio.data: expected base64")) from error
    return Recording(audio, str(given.get("format") or "").lower(), str(given.get("filename") or ""), body)


async def _from_form(request: Request) -> Recording:
    async with request.form() as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refusal(bad_request("file: expected a file"))
        name = file.filename or ""
        options = {key: value for key, value in form.items() if isinstance(value, str)}
        return Recording(await file.read(), name.rpartition(".")[2].lower(), name, options)


async def _recording(request: Request) -> Recording:
    multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
    recording = await (_from_form(request) if multipart else _from_json(request))
    if recording.format not in FORMATS:
        raise Refusal(bad_request(f"input_audio.format: {recording.format!r} is not supported"))
    if len(recording.audio) > _MOST_BYTES:
        raise Refusal(HttpFault(413, "The audio is larger than 25 MB", "payload_too_large"))
    if not recording.audio:
        raise Refusal(bad_request("The audio is empty"))
    return recording


def _language(recording: Recording) -> str:
    named = str(recording.options.get("language") or "")[:2].lower()
    return named if named in _TEXTS else "en"


def _charge(entry: Entry, model: Model, recording: Recording, text: str) -> dict[str, Any]:
    """Note the usage; what the reply says of it."""
    if model.per_second is not None:
        entry.usage.fees = model.per_second * math.ceil(recording.seconds)
        return {"seconds": recording.seconds, "cost": entry.usage.fees}
    entry.usage.prompt = entry.usage.audio_in = 10 * math.ceil(recording.seconds)
    entry.usage.completion = tokens.count(text)
    used = scripted.usage_json(entry)
    return {
        "seconds": recording.seconds,
        "input_tokens": used["prompt_tokens"],
        "output_tokens": used["completion_tokens"],
        "total_tokens": used["total_tokens"],
        "cost": used["cost"],
    }


def _segments(sentences: list[str], seconds: Decimal) -> list[dict[str, Any]]:
    each = seconds / len(sentences)
    return [
        {"id": index, "start": each * index, "end": each * (index + 1), "text": sentence}
        for index, sentence in enumerate(sentences)
    ]


async def create_transcription(request: Request) -> ASGIApp:
    """Transcribe: `{text, usage}`, with `verbose_json` also language, duration and segments."""
    sandbox = sandbox_of(request)
    entry = sandbox.ledger.add(new_entry(request, endpoint="transcriptions", entry_id=new_id()))
    with entry.refusals():
        recording = await _recording(request)
        options = recording.options
        entry.request = shortened({**options, "bytes": len(recording.audio), "name": recording.name})
        entry.user = options.get("user") if isinstance(options.get("user"), str) else None
        model = scripted.model_of(entry, options, output="transcription")
        words = scripted.words_of(sandbox, entry, model, recording.prompt)
    language = _language(recording)
    said = parse(recording.prompt).text("reply")
    sentences = [said] if said else list(_TEXTS[language])
    text = " ".join(sentences)
    reply: dict[str, Any] = {"text": text, "usage": _charge(entry, model, recording, text)}
    if options.get("response_format") == "verbose_json":
        reply |= {"task": "transcribe", "language": language, "duration": recording.seconds}
        reply["segments"] = _segments(sentences, recording.seconds)
    return scripted.after(entry, words, seconds=0.05, body=reply)
