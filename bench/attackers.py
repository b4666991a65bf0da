"""The attackers of `bench.hostile`, in a process of their own: `python -m bench.attackers KIND PORT COUNT [TOKENS]`.

- `deaf`: readers of answers, by event stream and by websocket in turn, who read the beginning and then nothing.
- `slow`: connections that send a letter a second, of a head or of a body, and come again when they are cut.
- `flood`: one person's sockets, COUNT of them; sockets that send 1,000 messages a second; messages in pieces, huge
  ones and countless ones. All come again a second after they were closed.

TOKENS is a file of access tokens as JSON. `ready` is printed once all have begun; on SIGTERM, what they met, as JSON.
They give way to everybody else on their core: what is measured is what they cost the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from bench.upstream import question

TRICKLE_S = 1.0
COME_AGAIN_S = 1.0
MESSAGES_A_SECOND = 1_000
# An answer of 320 kB, which is more than the longest of most models; it is asked for until no more is taken.
PIECES, PIECE = 100, 3_200
LONGEST = {"max_tokens": 16_000}
TIMES, EVERY_S = 12, 0.3
BEGINNING = 64 * 1024
TURN = rb'"turn_id":"([^"]+)"'
# Frames of one message that never ends: large ones, and ones of no letter.
HUGE, TINY = 60_000, 0

met: Counter[str] = Counter()
longest_s = [0.0]


def frame(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    """Return a frame as a client sends it, masked with zeros to save the attacker's time."""
    head = bytes([opcode | 0x80 * fin])
    if len(data) < 126:
        return head + bytes([0x80 | len(data)]) + b"\0\0\0\0" + data
    return head + b"\xfe" + struct.pack(">H", len(data)) + b"\0\0\0\0" + data


def handshake(port: int, token: str) -> bytes:
    """Return the request that opens a websocket."""
    return (
        f"GET /ws/chat HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: d2lzcXUgYmVuY2htYXJrIQ==\r\n"
        f"Sec-WebSocket-Protocol: wisqu.v1, bearer.{token}\r\n\r\n"
    ).encode()


def post(port: int, token: str, body: bytes, *, length: int | None = None) -> bytes:
    """Return a question, or its beginning where `length` says that more will follow."""
    size = len(body) if length is None else length
    return (
        f"POST /api/v1/chat HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    ).encode() + body


class Attack:
    """Where it goes and who they say they are."""

    def __init__(self, port: int, count: int, tokens: list[str]) -> None:
        self.port, self.count, self.tokens = port, count, tokens
        self.tasks: list[asyncio.Task[None]] = []

    def go_on(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)

    # --- those who never read ---

    async def deaf(self) -> None:
        """Let all of them read their beginning."""
        for number in range(self.count):
            read = self._deaf_socket if number % 2 else self._deaf_stream
            await read(self.tokens[number % len(self.tokens)])

    async def _deaf_line(self) -> socket.socket:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self.port))
        return line

    async def _deaf_stream(self, token: str) -> None:
        line, loop = await self._deaf_line(), asyncio.get_running_loop()
        message = question(tokens=PIECES, pause_ms=0, size=PIECE)
        body = json.dumps({"message": message, "stream": True} | LONGEST).encode()
        await loop.sock_sendall(line, post(self.port, token, body))
        turn = await self._found(line, TURN)
        again = (
            f"GET /api/v1/chat/turns/{turn}/events HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()
        self.go_on(self._keep_asking(line, again))

    async def _deaf_socket(self, token: str) -> None:
        line, loop = await self._deaf_line(), asyncio.get_running_loop()
        message = question(tokens=PIECES, pause_ms=0, size=PIECE)
        ask = {"type": "send", "message": message} | LONGEST
        await loop.sock_sendall(line, handshake(self.port, token))
        await self._found(line, rb"(\r\n\r\n)")
        await loop.sock_sendall(line, frame(1, json.dumps(ask).encode()))
        again = {"type": "resume", "turn_id": await self._found(line, TURN), "after": 0}
        self.go_on(self._keep_asking(line, frame(1, json.dumps(again).encode())))

    async def _found(self, line: socket.socket, what: bytes) -> str:
        """Read no further than to this and return its group."""
        heard, loop = b"", asyncio.get_running_loop()
        while len(heard) < BEGINNING:
            more = await loop.sock_recv(line, 2048)
            heard += more
            if found := re.search(what, heard):
                return found[1].decode()
            if not more:
                break
        raise RuntimeError(heard.decode(errors="replace"))

    async def _keep_asking(self, line: socket.socket, again: bytes) -> None:
        """Ask for it all again and again; look from time to time whether the line is still there, without reading."""
        loop = asyncio.get_running_loop()
        asked = 0
        while True:
            await asyncio.sleep(EVERY_S if asked < TIMES else TRICKLE_S)
            if line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or _is_ended(line):
                met["cut"] += 1
                return
            if asked < TIMES:
                asked += 1
                with suppress(OSError):
                    await asyncio.wait_for(loop.sock_sendall(line, again), 5)

    # --- those who trickle ---

    async def slow(self) -> None:
        """Let all of them begin, spread over a second."""
        for number in range(self.count):
            self.go_on(self._come_again(self._trickle, number))
            await asyncio.sleep(TRICKLE_S / self.count)

    async def _trickle(self, number: int) -> None:
        reader, writer = await self.connect()
        ended = asyncio.ensure_future(reader.read())
        began = time.monotonic()
        head = f"GET /api/v1/models HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nX-Patience: ".encode()
        body = post(self.port, self.tokens[number % len(self.tokens)], b'{"message": "', length=100_000)
        writer.write(body if number % 2 else head)
        try:
            while not ended.done():
                await asyncio.sleep(TRICKLE_S)
                longest_s[0] = max(longest_s[0], time.monotonic() - began)
                if not ended.done():
                    writer.write(b"x")
        finally:
            ended.cancel()
            writer.transport.abort()
        met["cut"] += 1

    # --- those who flood ---

    async def flood(self) -> None:
        """Let all of them begin."""
        for _ in range(self.count):
            self.go_on(self._come_again(self._one_of_many, self.tokens[0], pause_s=10.0))
            await asyncio.sleep(0.002)
        some = max(1, self.count // 50)
        for number in range(some):
            own = self.tokens[1 + number % (len(self.tokens) - 1)]
            self.go_on(self._come_again(self._shout, own))
            self.go_on(self._come_again(self._send_pieces, own, HUGE))
            self.go_on(self._come_again(self._send_pieces, own, TINY))

    async def _one_of_many(self, token: str) -> None:
        await self._met("many", token, self._pings)

    async def _shout(self, token: str) -> None:
        await self._met("messages", token, self._messages)

    async def _send_pieces(self, token: str, size: int) -> None:
        async def send(writer: asyncio.StreamWriter) -> None:
            writer.write(frame(1, b"", fin=False))
            pieces = frame(0, b"x" * size, fin=False) * (1 if size else 1_000)
            while not writer.is_closing():
                writer.write(pieces)
                await writer.drain()
                await asyncio.sleep(0.01)

        await self._met("huge" if size else "tiny", token, send)

    @staticmethod
    async def _pings(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            await asyncio.sleep(10)
            writer.write(frame(1, b'{"type":"ping"}'))

    @staticmethod
    async def _messages(writer: asyncio.StreamWriter) -> None:
        many = frame(1, b'{"type":"ping"}') * (MESSAGES_A_SECOND // 100)
        while not writer.is_closing():
            writer.write(many)
            await writer.drain()
            await asyncio.sleep(0.01)

    async def _met(self, kind: str, token: str, send: Callable[..., Coroutine[Any, Any, None]]) -> None:
        """Open a socket, send until it is closed, and count the code."""
        reader, writer = await self.connect()
        writer.write(handshake(self.port, token))
        sending: asyncio.Task[None] | None = None
        try:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            sending = asyncio.ensure_future(send(writer))
            met[f"{kind}: {await _close_code(reader)}"] += 1
        finally:
            if sending is not None:
                sending.cancel()
            writer.transport.abort()

    async def _come_again(
        self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any, pause_s: float = COME_AGAIN_S
    ) -> None:
        while True:
            try:
                await work(*arguments)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                met["reset"] += 1
            await asyncio.sleep(pause_s)


def _is_ended(line: socket.socket) -> bool:
    """Tell whether the other side hung up, without taking anything that it said: a reset shows in the poll."""
    poll = select.poll()
    poll.register(line, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    return bool(poll.poll(0))


async def _close_code(reader: asyncio.StreamReader) -> int:
    """Read frames up to the close frame and return its code; 0 where the line ends without one."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            kind, size = await reader.readexactly(2)
            if size >= 126:
                wide = 2 if size == 126 else 8
                size = int.from_bytes(await reader.readexactly(wide))
            data = await reader.readexactly(size)
            if kind & 15 == 8:
                return int.from_bytes(data[:2])
    return 0


async def main(kind: str, port: int, count: int, tokens: list[str]) -> None:
    """Attack until SIGTERM, then tell what was met."""
    os.nice(15)
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    attack = Attack(port, count, tokens)
    await {"deaf": attack.deaf, "slow": attack.slow, "flood": attack.flood}[kind]()
    print("ready", flush=True)
    await over.wait()
    print(json.dumps({"met": met, "longest_s": longest_s[0]}), flush=True)
    for task in attack.tasks:
        task.cancel()
    await asyncio.gather(*attack.tasks, return_exceptions=True)


if __name__ == "__main__":
    known = json.loads(Path(sys.argv[4]).read_text())
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), known))
