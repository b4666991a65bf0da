"""The events of a turn: one spelling for every transport, encoded once whoever listens.

Each event is a frozen value whose JSON has the `type` of contract section 3. The frames of SSE and of the websocket
differ only in what is put around that JSON.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

LONGEST = 16_384  # characters of an answer in one event
LONGEST_WRITE = 65_536  # bytes that are handed to a connection at once


class Event(msgspec.Struct, frozen=True, tag_field="type"):
    """Base of all events."""


class Start(Event, frozen=True, tag="start"):
    """The question is stored and the model is being asked."""

    turn_id: uuid.UUID
    conversation_id: uuid.UUID
    user_message_id: uuid.UUID
    message_id: uuid.UUID
    model: str
    created: datetime


class Content(Event, frozen=True, tag="content"):
    """Text to append to the answer."""

    content: str


def in_parts(text: str) -> Sequence[str]:
    """Return the text of each event, mostly one: who reads nothing holds one event back, and not a whole answer."""
    if len(text) <= LONGEST:
        return (text,)
    return [text[begin : begin + LONGEST] for begin in range(0, len(text), LONGEST)]


class Reasoning(Event, frozen=True, tag="reasoning"):
    """Text to append to the model's reasoning."""

    content: str


class Citation(Event, frozen=True, tag="citation"):
    """A page that the answer rests on; `start` and `end` are code points of the answer."""

    url: str
    title: str
    start: int
    end: int


class Routing(Event, frozen=True, tag="routing"):
    """Which models were asked, and which one answered."""

    models_attempted: list[str]
    final_model_used: str
    fallback_used: bool
    reason: str


class Quotations(Event, frozen=True, tag="quotations"):
    """What the answer quotes of the Qur'an and refers to; comes right before the end, where there is any."""

    quotations: list[dict[str, Any]]
    references: list[dict[str, Any]]


class Done(Event, frozen=True, tag="done"):
    """The turn ended, whole or stopped; `message` is the truth about the answer."""

    message: dict[str, Any]


class Failed(Event, frozen=True, tag="error"):
    """The turn failed; `message` holds what was kept."""

    code: str
    detail: str
    retryable: bool
    message: dict[str, Any]


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(event: Event) -> bytes:
    """Return the event's JSON."""
    return _encoder.encode(event)


def sse_frame(seq: int, body: bytes) -> bytes:
    """Return the event as one server-sent event."""
    return b"id: %d\ndata: %b\n\n" % (seq, body)


def sse_writes(batch: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """Yield events as what is written at once: all of them, or what is more than `LONGEST_WRITE` bytes in slices.

    A connection takes what it is given, whether its reader reads or not, and only then makes the next one wait.
    Of many bytes the batch is emptied, so that what has been sent is not held back with the rest.
    """
    if sum([len(body) for _, body in batch]) <= LONGEST_WRITE:
        yield b"".join([sse_frame(seq, body) for seq, body in batch])
        return
    batch.reverse()
    while batch:
        seq, body = batch.pop()
        if len(body) <= LONGEST_WRITE:
            yield sse_frame(seq, body)
            continue
        yield b"id: %d\ndata: " % seq
        for begin in range(0, len(body), LONGEST_WRITE):
            yield body[begin : begin + LONGEST_WRITE]
        yield b"\n\n"


def socket_frame(turn_id: uuid.UUID, seq: int, body: bytes, *, ref: str | None = None) -> str:
    """Return the event as a websocket frame: the same JSON with `turn_id` and `seq` in front; `ref` in the first."""
    front = f'{{"seq":{seq},'
    if b'"turn_id":' not in body[:40]:
        front += f'"turn_id":"{turn_id}",'
    if ref is not None and body.startswith(b'{"type":"start"'):
        front += f'"ref":{_encoder.encode(ref).decode()},'
    return front + body[1:].decode()
