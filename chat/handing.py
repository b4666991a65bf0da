"""Answers handed on: a process that ends gives what it is writing to another one, over Redis.

The one that goes on has everything that the first one had: the request, the events, the text. It asks for the rest as
for an answer that broke off (`chat.joining`). What nobody takes up is closed as interrupted by `chat.sweeping`.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone

from chat import owed
from chat.citations import Cited
from chat.models import Message, Turn
from chat.turns import OpenTurn
from wisqu.api import draining, rows

if settings.REDIS_URL:  # half a second of a start that an installation without Redis needn't pay
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

log = logging.getLogger(__name__)

_LIST = "wisqu:handed"
# By then the sweeper has closed what nobody took up.
_KEPT_S = 60
# A process that is to end looks this often whether it is, and then takes nothing up.
_LOOKS_EVERY_S = 1
_AGAIN_AFTER_S = 2.0


class Handed(msgspec.Struct, frozen=True):
    """An unfinished answer: what its readers have seen, and what its next producer has to know."""

    opened: OpenTurn
    bodies: list[bytes]  # its events
    stream_ends: bytes
    text: str
    reasoning: str
    citations: list[Cited]
    attempted: list[str]
    notes: list[str]
    writer: tuple[str, str]  # model and provider of the last words
    first_token_ms: int | None
    elapsed_ms: int
    has_owed: bool
    broken_off: owed.Attempt | None  # the generation that wrote until now: its cost is still to be asked
    parsed: list[dict[str, Any]]


def _encode_other(value: Any) -> Any:
    if isinstance(value, Message):
        return str(value.id)
    raise NotImplementedError(type(value).__name__)


def _decode_other(kind: type, value: Any) -> Any:
    if kind is Message:
        return Message(id=uuid.UUID(value))
    raise NotImplementedError(kind.__name__)


_encode = msgspec.msgpack.Encoder(enc_hook=_encode_other).encode
_decode = msgspec.msgpack.Decoder(Handed, dec_hook=_decode_other).decode


def is_possible() -> bool:
    """Tell whether there is a way to other processes."""
    return bool(settings.REDIS_URL)


def _key(turn_id: str) -> str:
    return f"wisqu:handed:{turn_id}"


def _connect(*, waits_s: float) -> Any:
    return Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=waits_s)


async def give(handed: Handed) -> bool:
    """Offer an answer to the other processes; return whether that could be done."""
    turn_id = str(handed.opened.turn_id)
    redis = _connect(waits_s=1)
    try:
        pipeline = redis.pipeline(transaction=True)
        pipeline.set(_key(turn_id), _encode(handed), ex=_KEPT_S)
        pipeline.rpush(_LIST, turn_id)
        await pipeline.execute()
    except (RedisError, OSError) as error:
        log.warning("an answer could not be handed on", extra={"error": type(error).__name__})
        return False
    finally:
        await redis.aclose()
    log.info("an answer was handed on")
    return True


async def offered() -> AsyncIterator[Handed]:
    """Yield what others hand on, each to one process, until this one is to end itself."""
    redis = _connect(waits_s=_LOOKS_EVERY_S + 4)
    try:
        while not draining.has_begun():
            try:
                handed = await _next(redis)
            except (RedisError, OSError):
                await asyncio.sleep(_AGAIN_AFTER_S)
                continue
            if handed is None:
                continue
            if draining.has_begun():
                await give(handed)
            else:
                yield handed
    finally:
        await redis.aclose()


async def _next(redis: Any) -> Handed | None:
    found = await redis.blpop([_LIST], timeout=_LOOKS_EVERY_S)
    packed = await redis.getdel(_key(found[1].decode())) if found else None
    if packed is None:
        return None
    try:
        return _decode(packed)
    except msgspec.DecodeError:  # another version of the product gave it
        log.warning("an answer that was handed on can't be read")
        return None


def claim(handed: Handed) -> OpenTurn | None:
    """Take the turn as this process's own; None where it was closed or deleted meanwhile."""
    opened = handed.opened
    is_ours = rows.change(
        Turn,
        {"heartbeat_at": timezone.now()},
        where={"id": opened.turn_id, "status": Turn.Status.RUNNING},
    )
    if not is_ours:
        return None
    if handed.broken_off is not None:
        owed.note(owner_id=opened.owner_id, message_id=opened.answer.id, attempt=handed.broken_off)
    answer = Message.objects.select_related("conversation", "parent").get(id=opened.answer.id)
    return replace(opened, answer=answer)
