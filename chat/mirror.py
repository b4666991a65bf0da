"""Turns seen from other processes, over Redis: a channel of wishes ('stop', 'follow'), a stream for each followed turn.

A turn that nobody follows from elsewhere sends nothing: most of them, and a token through Redis costs more than all
the rest of its way. Without Redis all of this does nothing; with Redis down, readers in other processes fall back to
the database, and chatting goes on. Events are sent in one round trip for all turns of a process, whenever the last
one is back.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.conf import settings

if settings.REDIS_URL:  # half a second of a start that an installation without Redis needn't pay
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

if TYPE_CHECKING:
    from chat.producing import RunningTurn

log = logging.getLogger(__name__)

_CHANNEL = "wisqu:turns"
_STOP, _FOLLOW = "stop", "follow"
_LONGEST_TURN_S = 3600
_KEPT_S = 300
_BLOCK_MS = 1000
# A first wish may be lost on a process that is just beginning to listen.
_FIRST_BLOCK_MS = 300
_HEARD_EVERY_S = 1.0
_AGAIN_AFTER_S = 1.0

_connections: WeakKeyDictionary[asyncio.AbstractEventLoop, _Sender] = WeakKeyDictionary()
_followed: set[uuid.UUID] = set()  # turns of this process that somebody reads elsewhere


def is_configured() -> bool:
    """Tell whether other processes can follow turns of this one."""
    return bool(settings.REDIS_URL)


def _key(turn_id: uuid.UUID) -> str:
    return f"wisqu:turn:{turn_id}"


class _Sender:
    """What one event loop sends; one task, one connection."""

    def __init__(self) -> None:
        self.redis = Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=5)
        self.pending: list[tuple[str, Any, Any]] = []
        self.sending: asyncio.Task[None] | None = None
        self.listening: asyncio.Task[None] | None = None

    def add(self, kind: str, name: Any, value: Any) -> None:
        self.pending.append((kind, name, value))
        if self.sending is None or self.sending.done():
            self.sending = asyncio.get_running_loop().create_task(self._send(), name="mirror")

    async def _send(self) -> None:
        while self.pending:
            batch, self.pending = self.pending, []
            pipeline = self.redis.pipeline(transaction=False)
            for kind, name, value in batch:
                if kind == "event":
                    seq, body = value
                    pipeline.xadd(name, {"e": body}, id=f"{seq}-0")
                    if seq == 1:
                        pipeline.expire(name, _LONGEST_TURN_S)
                elif kind == "end":
                    pipeline.expire(name, _KEPT_S)
                else:
                    pipeline.publish(name, value)
            try:
                await pipeline.execute(raise_on_error=False)
            except (RedisError, OSError) as error:
                log.warning("turn events are not mirrored", extra={"error": type(error).__name__})


def _sender() -> _Sender:
    loop = asyncio.get_running_loop()
    found = _connections.get(loop)
    if found is None:
        found = _connections[loop] = _Sender()
    return found


def carry(turn_id: uuid.UUID, seq: int, body: bytes) -> None:
    """Send one event to whoever follows the turn in another process."""
    if _followed and turn_id in _followed:
        _sender().add("event", _key(turn_id), (seq, body))


def end(turn_id: uuid.UUID) -> None:
    """Let the stream of an ended turn go after a while."""
    if turn_id in _followed:
        _followed.discard(turn_id)
        _sender().add("end", _key(turn_id), None)


def tell_to_stop(turn_id: uuid.UUID) -> None:
    """Tell the process that produces the turn to stop it. The database says so too, a little later."""
    if settings.REDIS_URL:
        _sender().add("publish", _CHANNEL, f"{_STOP} {turn_id}")


def listen(running: dict[uuid.UUID, RunningTurn]) -> None:
    """Hear the wishes of other processes from now on: who begins with the first turn misses wishes for it."""
    if not settings.REDIS_URL:
        return
    sender = _sender()
    if sender.listening is None or sender.listening.done():
        sender.listening = asyncio.get_running_loop().create_task(
            _listen(sender, running), name="listener of other processes"
        )


async def _listen(sender: _Sender, running: dict[uuid.UUID, RunningTurn]) -> None:
    is_deaf = False
    while True:
        try:
            async with sender.redis.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(_CHANNEL)
                is_deaf = False
                while True:
                    message = await channel.get_message(timeout=_HEARD_EVERY_S)
                    if message:
                        wish, turn_id = message["data"].decode().split()
                        _fulfil(wish, running.get(uuid.UUID(turn_id)))
        except (RedisError, OSError, ValueError) as error:
            if not is_deaf:
                name = type(error).__name__
                log.warning("other processes are heard over the database only", extra={"error": name})
            is_deaf = True
            await asyncio.sleep(_AGAIN_AFTER_S)


def _fulfil(wish: str, turn: RunningTurn | None) -> None:
    if turn is None:
        return
    if wish == _STOP:
        turn.stop()
    elif turn.turn_id not in _followed:
        _followed.add(turn.turn_id)
        for seq, body in turn.turn_log.since(0):
            carry(turn.turn_id, seq, body)


async def read(turn_id: uuid.UUID, after: int) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Yield the events after that number as they come; an empty list after each second of silence.

    Until the first ones come it looks more often. Ends when Redis can't be read or has lost an event; the caller knows
    what the last event of a turn looks like.
    """
    redis = Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=_BLOCK_MS / 1000 + 4)
    is_silent = True
    block = _FIRST_BLOCK_MS
    try:
        while True:
            if is_silent:  # the wish may have been lost, and does no harm twice
                await redis.publish(_CHANNEL, f"{_FOLLOW} {turn_id}")
            found: Any = await redis.xread({_key(turn_id): f"{after}-0"}, block=block, count=500)
            batch = [(int(row_id.split(b"-")[0]), fields[b"e"]) for row_id, fields in _rows(found)]
            if batch and batch[0][0] != after + 1:
                return
            is_silent = not batch
            if batch:
                after, block = batch[-1][0], _BLOCK_MS
            del found  # the batch is its reader's to empty
            yield batch
    except (RedisError, OSError) as error:
        log.warning("a turn is followed in the database", extra={"error": type(error).__name__})
    finally:
        await redis.aclose()


def _rows(found: Any) -> list[Any]:
    """Return the rows of the one stream that was asked for; the client's form of it differs by protocol."""
    if not found:
        return []
    if isinstance(found, dict):
        return [row for chunk in found.values() for part in chunk for row in part]
    return list(found[0][1])
