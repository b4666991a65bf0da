"""Plays a generation to its reader: on time, in the wished pieces, and only as long as somebody listens."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from starlette.types import Message, Receive, Scope, Send

Ending = Literal["whole", "cut"]
Framing = Literal["plain", "split", "bytes", "one"]

_WRITE_AT = 2048


@dataclass(frozen=True, slots=True)
class Step:
    """After `delay` seconds send `data`; by then `tokens` more exist, of them `reasoning` and `image`."""

    delay: float
    data: bytes
    tokens: int = 0
    reasoning: int = 0
    image: int = 0


class Listener:
    """Knows whether the client is still there, and can sleep until a moment or until it left."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._sleeper: asyncio.Future[None] | None = None
        self.gone = False
        self._task = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while not self.gone:
            message = await self._receive()
            self.gone = message["type"] == "http.disconnect"
        self._wake()

    def _wake(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def time(self) -> float:
        return self._loop.time()

    async def sleep_until(self, moment: float) -> None:
        if self.gone:
            return
        self._sleeper = self._loop.create_future()
        timer = self._loop.call_at(moment, self._wake)
        try:
            await self._sleeper
        finally:
            timer.cancel()

    def close(self) -> None:
        self._task.cancel()


def _middle(data: bytes) -> int:
    """A place to cut: inside a multi-byte character where there is one."""
    for index, byte in enumerate(data):
        if byte >= 0xC0:
            return index + 1
    return len(data) // 2


def frames(data: bytes, framing: Framing) -> list[bytes]:
    """The separate writes of one piece of output."""
    if framing == "split" and len(data) > 1:
        at = _middle(data)
        return [data[:at], data[at:]]
    if framing == "bytes":
        return [data[index : index + 1] for index in range(len(data))]
    return [data]


@dataclass(slots=True)
class Play:
    """How to send a script."""

    steps: Iterator[Step]
    headers: dict[str, str]
    content_type: str = "text/event-stream"
    before_headers: float = 0.0
    framing: Framing = "plain"
    between_frames: float = 0.0005
    ending: Ending = "whole"
    content_length: int | None = None


@dataclass(slots=True)
class Played:
    """What happened: tokens generated when it ended, and whether the reader left first."""

    tokens: int = 0
    reasoning: int = 0
    image: int = 0
    left: bool = False


class Player:
    """An ASGI response that plays; `on_progress` and `on_end` tell the ledger."""

    def __init__(
        self, play: Play, *, on_progress: Callable[[Played], None], on_end: Callable[[Played], None]
    ) -> None:
        self._play = play
        self._played = Played()
        self._on_progress = on_progress
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        listener = Listener(receive)
        try:
            await self._run(listener, send)
        except OSError:
            listener.gone = True
        finally:
            listener.close()
            self._played.left = listener.gone
            self._on_end(self._played)

    async def _run(self, listener: Listener, send: Send) -> None:
        due = listener.time() + self._play.before_headers
        if self._play.before_headers:
            await listener.sleep_until(due)
        if listener.gone:
            return
        await send(self._start())
        await self._steps(listener, send, due)
        if self._play.ending == "whole" and not listener.gone:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _start(self) -> Message:
        fields = {"content-type": self._play.content_type, "cache-control": "no-cache", **self._play.headers}
        if self._play.content_length is not None:
            fields["content-length"] = str(self._play.content_length)
        raw = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
        return {"type": "http.response.start", "status": 200, "headers": raw}

    async def _steps(self, listener: Listener, send: Send, due: float) -> None:
        """Send every step when it is due; what is already late leaves together in one write."""
        waiting = bytearray()
        one = self._play.framing == "one"
        for step in self._play.steps:
            due += step.delay
            if due > listener.time() and not one:
                await self._write(listener, send, waiting)
                await listener.sleep_until(due)
            if listener.gone:
                return
            waiting += step.data
            self._count(step)
            if len(waiting) > _WRITE_AT and not one:
                await self._write(listener, send, waiting)
                await asyncio.sleep(0)  # without a pace nothing else here would let the loop go on
        await self._write(listener, send, waiting)

    def _count(self, step: Step) -> None:
        if step.tokens:
            self._played.tokens += step.tokens
            self._played.reasoning += step.reasoning
            self._played.image += step.image
            self._on_progress(self._played)

    async def _write(self, listener: Listener, send: Send, waiting: bytearray) -> None:
        if not waiting:
            return
        data = bytes(waiting)
        waiting.clear()
        for frame in frames(data, self._play.framing):
            if listener.gone:
                return
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            if self._play.framing in ("split", "bytes"):
                await listener.sleep_until(listener.time() + self._play.between_frames)
