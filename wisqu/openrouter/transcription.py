"""What a recording says: the request to OpenRouter's transcription endpoint, and its answer."""

import asyncio
import base64
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.deadlines import Deadlines
from wisqu.openrouter.errors import MalformedReply, OpenRouterError, UpstreamTimeout, from_body
from wisqu.openrouter.retries import pause_before_retry, report
from wisqu.openrouter.types import Usage

# Nobody speaks more in the hours that one request may hold; a longer text is no transcript.
LONGEST_TEXT = 2_000_000
_LARGEST_REPLY = 16 * 1024 * 1024
_DEADLINES = Deadlines()


class Recording(Struct, frozen=True):
    """Sound in a file. `format` is what the endpoint calls its kind: wav, mp3, m4a, ogg, flac."""

    data: bytes
    format: str
    name: str = ""


class Transcription(Struct, frozen=True):
    """What was heard. `usage` counts tokens only where the model is priced by tokens; its cost is what was charged."""

    text: str
    usage: Usage | None = None
    generation_id: str = ""


class _WireUsage(Struct):
    cost: Any = None
    input_tokens: Any = None
    output_tokens: Any = None


class _Reply(Struct):
    text: str | None = None
    usage: _WireUsage | None = None
    error: Any = None


async def transcribe(
    client: OpenRouter,
    recording: Recording,
    *,
    model: str,
    language: str = "",
    prompt: str = "",
    user: str | None = None,
    within_s: float = 120.0,
    max_retries: int = 2,
) -> Transcription:
    """What the recording says. Asked for again only after a refusal by status, which heard nothing.

    Raises OpenRouterError.
    """
    body = encode(recording, model=model, language=language, prompt=prompt, user=user)
    try:
        async with asyncio.timeout(within_s):
            return await _tried(client, body, max_retries)
    except TimeoutError as error:
        raise UpstreamTimeout from error
    except OpenRouterError as error:
        report(error)
        raise


async def _tried(client: OpenRouter, body: bytes, max_retries: int) -> Transcription:
    tried = 0
    while True:
        tried += 1
        try:
            return await _asked(client, body)
        except OpenRouterError as error:
            pause = pause_before_retry(error, tried=tried, max_retries=max_retries, deadlines=_DEADLINES)
            if pause is None or error.status is None:
                raise
        await asyncio.sleep(pause)


async def _asked(client: OpenRouter, body: bytes) -> Transcription:
    incoming, headers = await (await client.connect()).open("/audio/transcriptions", body)
    read = bytearray()
    try:
        while data := await incoming.read():
            read += data
            if len(read) > _LARGEST_REPLY:
                raise MalformedReply(reason="a reply without end")
    except incoming.broken as error:
        raise MalformedReply(reason="the reply broke off") from error
    finally:
        incoming.abort()
    return decode(bytes(read), generation_id=headers.get("x-generation-id", ""))


def encode(
    recording: Recording, *, model: str, language: str = "", prompt: str = "", user: str | None = None
) -> bytes:
    """The body of a request. `language` is an ISO 639-1 code; `prompt` tells names and words that may be said."""
    sound = {"data": base64.b64encode(recording.data).decode(), "format": recording.format}
    if recording.name:
        sound["filename"] = recording.name
    body: dict[str, Any] = {"model": model, "input_audio": sound}
    optional = {"language": language, "prompt": prompt, "user": user}
    return msgspec.json.encode(body | {name: value for name, value in optional.items() if value})


def decode(body: bytes, *, generation_id: str = "") -> Transcription:
    """Raises MalformedReply, and what a 200 with an error in it stands for."""
    try:
        reply = msgspec.json.decode(body, type=_Reply)
    except (ValueError, RecursionError) as error:
        raise MalformedReply from error
    if reply.error is not None:
        raise from_body(status=None, error=reply.error)
    if reply.text is None or len(reply.text) > LONGEST_TEXT:
        raise MalformedReply(reason="a transcript without text")
    return Transcription(reply.text.strip(), _usage(reply.usage), generation_id)


def _usage(wire: _WireUsage | None) -> Usage | None:
    if wire is None:
        return None
    cost = Decimal(str(wire.cost)) if isinstance(wire.cost, int | float) else None
    prompt, completion = _count(wire.input_tokens), _count(wire.output_tokens)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        reasoning_tokens=0,
        total_tokens=prompt + completion,
        cost_usd=cost if cost is not None and cost.is_finite() and cost >= 0 else None,
    )


def _count(value: object) -> int:
    return int(value) if isinstance(value, int) and 0 <= value < 2**31 else 0
