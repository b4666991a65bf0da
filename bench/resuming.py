"""What does a reader hold whose line was cut anywhere, and who goes on here or at the other process?

Each asks over server-sent events or a websocket, is cut off after a random number of bytes, and comes back over the
same door: at once, while the answer is still written, or just after its end; at the process that writes it, or at the
other one. What was read before the cut and after it has to be the stored text, letter by letter.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx

from bench import load, sockets
from bench.load import Target
from bench.product import POSTGRES, Product
from bench.report import Row, at_most, row
from bench.stage import QUICK, Scale, Stage
from bench.upstream import question

TOKENS, PAUSE_MS = 200, 10
AT_ONCE = 25
LASTS_S = TOKENS * PAUSE_MS / 1000
# About as much as one answer takes over the line.
BYTES = 75 * TOKENS
HERE, THERE = "at the same process", "at the other process"
RUNNING, ENDED = "running", "ended"
_EVENT = re.compile(rb"id: (\d+)\ndata: (.*?)\n\n")


@dataclass(frozen=True)
class Way:
    """How one reader comes back."""

    door: str
    where: str
    when: str


WAYS = [Way(*each) for each in product(("sse", "socket"), (HERE, THERE), (RUNNING, ENDED))]


@dataclass(frozen=True)
class Resumed:
    """One reader who came back: whether all of the text is there, once, and how long the first byte took."""

    way: Way
    is_right: bool
    first_s: float


class EventLine(asyncio.Protocol):
    """One request for events; the line is cut once so many bytes have come."""

    def __init__(self, request: bytes, *, cut_after: int | None = None) -> None:
        self.request, self.cut_after = request, cut_after
        self.received = bytearray()
        self.began = time.monotonic()
        self.first_s: float | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        self.received += data
        if self.first_s is None and b"\ndata: " in self.received:
            self.first_s = time.monotonic() - self.began
        if self.cut_after is not None and len(self.received) >= self.cut_after and self.events():
            self.transport.abort()
        elif self.received.endswith(b"0\r\n\r\n"):
            self.ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def events(self) -> list[dict[str, Any]]:
        """Return the events that came whole."""
        return [{**json.loads(body), "seq": int(seq)} for seq, body in _EVENT.findall(bytes(self.received))]


class SocketLine(sockets.Socket):
    """One websocket; the line is cut once so many bytes have come."""

    def __init__(self, target: Target, reader: int, *, cut_after: int | None = None) -> None:
        super().__init__(target, reader)
        self.cut_after = cut_after
        self.began = time.monotonic()
        self.first_s: float | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.first_s is None and b'{"seq":' in self.received:
            self.first_s = time.monotonic() - self.began
        if self.cut_after is not None and len(self.received) >= self.cut_after and self.events():
            self.transport.abort()  # type: ignore[attr-defined]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def events(self) -> list[dict[str, Any]]:
        """Return the events that came whole."""
        return [frame for frame in self.frames() if "seq" in frame]


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Cut and resume a thousand times; a quick look takes forty."""
    wanted = 40 if scale is QUICK else 1000
    here = stage.product(POSTGRES)
    with stage.another(POSTGRES) as there:
        found = await _rounds(here, there, wanted, random.Random(7))
    zero = {"goal": "0", "holds": at_most(0)}
    rows = [row(f"resumes of {wanted:,} whose text is not the stored one", [_wrong(found)], **zero)]
    for where in (HERE, THERE):
        waits = [each.first_s for each in found if each.way.where == where]
        rows += [
            row(f"  first byte {where}, p95, s", [load.percentile(waits, 95)], "{:.3f}"),
            row(f"  the slowest of {len(waits):,}, s", [max(waits)], "{:.3f}", goal="<= 1", holds=at_most(1)),
        ]
    return rows


def _wrong(found: Sequence[Resumed]) -> int:
    return sum(not each.is_right for each in found)


async def _rounds(here: Product, there: Product, wanted: int, chance: random.Random) -> list[Resumed]:
    target = here.chat(AT_ONCE)
    other = Target("the other process", there.port, target.path, fields=target.fields, tokens=target.tokens)
    found: list[Resumed] = []
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        while len(found) < wanted:
            count = min(AT_ONCE, wanted - len(found))
            ways = [WAYS[(len(found) + number) % len(WAYS)] for number in range(count)]
            found += await asyncio.gather(
                *(
                    _one(client, target, target if way.where == HERE else other, way, number, chance)
                    for number, way in enumerate(ways)
                )
            )
    return found


async def _one(
    client: httpx.AsyncClient, target: Target, back: Target, way: Way, reader: int, chance: random.Random
) -> Resumed:
    """Ask, be cut off, come back, and compare with what is stored."""
    began = time.monotonic()
    before = await _read_until_cut(target, way, reader, chance.randrange(500, BYTES))
    begun = before[0]
    pause = chance.uniform(0, 0.3) if way.when == RUNNING else began + LASTS_S + 0.5 - time.monotonic()
    await asyncio.sleep(max(0.0, pause))
    after, first_s = await _come_back(back, way, reader, begun["turn_id"], before[-1]["seq"])
    stored = await client.get(
        f"http://127.0.0.1:{back.port}/api/v1/messages/{begun['message_id']}",
        headers={"Authorization": f"Bearer {back.token(reader)}"},
    )
    seqs = [event["seq"] for event in (*before, *after)]
    is_right = (
        seqs == sorted(set(seqs))
        and after[-1]["type"] == "done"
        and text_of(before) + text_of(after) == stored.json()["content"] == load.expected(TOKENS)
    )
    return Resumed(way, is_right, first_s)


async def _read_until_cut(target: Target, way: Way, reader: int, size: int) -> list[dict[str, Any]]:
    """Return the events that came whole before the line was cut; one more would have come, the first is among them."""
    message = question(tokens=TOKENS, pause_ms=PAUSE_MS)
    if way.door == "sse":
        line: Any = await connect(EventLine(target.request(message, reader), cut_after=size), target)
    else:
        line = await connect(SocketLine(target, reader, cut_after=size), target)
        await line.opened
        line.say({"type": "send", "message": message})
    await asyncio.wait_for(line.ended, load.LASTS_AT_MOST_S)
    line.transport.abort()
    events = line.events()
    return events[:-1] if events[-1]["type"] == "done" else events


async def _come_back(
    back: Target, way: Way, reader: int, turn_id: str, after: int
) -> tuple[list[dict[str, Any]], float]:
    """Return the rest of the events, and after how many seconds the first of them came."""
    if way.door == "sse":
        line: Any = await connect(EventLine(joining(back, reader, turn_id, after)), back)
    else:
        line = await connect(SocketLine(back, reader), back)
        await line.opened
        line.say({"type": "resume", "turn_id": turn_id, "after": after})
    await asyncio.wait_for(line.ended, load.LASTS_AT_MOST_S)
    line.transport.abort()
    if line.first_s is None:
        raise RuntimeError(f"nothing came back over {way}: {bytes(line.received[:300])!r}")
    return line.events(), line.first_s


def joining(target: Target, reader: int, turn_id: str, after: int) -> bytes:
    """Return the request for the events of a turn after that one."""
    head = (
        f"GET /api/v1/chat/turns/{turn_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {target.token(reader)}\r\nLast-Event-ID: {after}\r\n\r\n"
    )
    return head.encode()


async def connect(line: Any, target: Target) -> Any:
    """Open the line to the target, and return it."""
    await asyncio.get_running_loop().create_connection(lambda: line, "127.0.0.1", target.port)
    return line


def text_of(events: Sequence[dict[str, Any]]) -> str:
    """Return the text that a reader of these events holds."""
    return "".join(event["content"] for event in events if event["type"] == "content")
