"""The load over websockets: connections that ask once and read the events of their turn."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import Iterator
from typing import Any

from bench.load import LASTS_AT_MOST_S, Target

_FINAL = (b'"type":"done"', b'"type":"error"', b'"type":"rejected"')


class Socket(asyncio.Protocol):
    """One websocket; what it receives is read after the run."""

    def __init__(self, target: Target, reader: int) -> None:
        self.target, self.reader = target, reader
        self.received = bytearray()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(
            f"GET /ws/chat HTTP/1.1\r\nHost: 127.0.0.1:{self.target.port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: d2lzcXUgYmVuY2htYXJrIQ==\r\n"
            f"Sec-WebSocket-Protocol: wisqu.v1, bearer.{self.target.token(self.reader)}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.opened.done():
            head, gap, rest = bytes(self.received).partition(b"\r\n\r\n")
            if gap:
                self.received = bytearray(rest)
                if head.startswith(b"HTTP/1.1 101"):
                    self.opened.set_result(None)
                else:
                    self.opened.set_exception(RuntimeError(head.decode(errors="replace")))
        if not self.ended.done() and any(mark in data for mark in _FINAL):
            self.ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(RuntimeError("the connection was closed in the middle of an answer"))
            self.ended.exception()

    def say(self, frame: dict[str, Any]) -> None:
        """Send one JSON text frame."""
        text = json.dumps(frame).encode()
        mask = os.urandom(4)
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
        self.transport.write(b"\x81" + size + mask + bytes(one ^ mask[at % 4] for at, one in enumerate(text)))

    def frames(self) -> Iterator[dict[str, Any]]:
        """Yield every text frame that came."""
        for kind, payload in self._raw():
            if kind == 1:  # the others are pings
                yield json.loads(payload)

    def closing_code(self) -> int | None:
        """Return what the server closed the socket with; None where it did not say goodbye."""
        for kind, payload in self._raw():
            if kind == 8:
                return int.from_bytes(payload[:2], "big")
        return None

    def _raw(self) -> Iterator[tuple[int, bytes]]:
        at, data = 0, bytes(self.received)
        while at + 2 <= len(data):
            kind, size, at = data[at] & 15, data[at + 1], at + 2
            if size == 126:
                size, at = struct.unpack_from(">H", data, at)[0], at + 2
            elif size == 127:
                size, at = struct.unpack_from(">Q", data, at)[0], at + 8
            if at + size > len(data):
                return  # the line was cut in the middle of it
            yield kind, data[at : at + size]
            at += size


async def connect(target: Target, reader: int) -> Socket:
    """Open one websocket for one of the target's people."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: Socket(target, reader), "127.0.0.1", target.port)
    await asyncio.wait_for(socket.opened, LASTS_AT_MOST_S)
    return socket


async def stream(target: Target, message: str, *, readers: int, spread_s: float = 1.0) -> list[str]:
    """Let each reader ask once; return the texts that they got."""
    sockets = [await connect(target, number) for number in range(readers)]

    async def read(number: int, socket: Socket) -> str:
        await asyncio.sleep(spread_s * number / readers)
        socket.say({"type": "send", "ref": "r", "message": message})
        await asyncio.wait_for(socket.ended, LASTS_AT_MOST_S)
        return "".join(frame["content"] for frame in socket.frames() if frame["type"] == "content")

    try:
        return await asyncio.gather(*(read(number, each) for number, each in enumerate(sockets)))
    finally:
        for each in sockets:
            each.transport.close()
