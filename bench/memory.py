"""What does an open stream hold, what an idle websocket, what a reader who never reads?

Each has a fresh server, and a first dozen before the count begins, so that pools and caches are there already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench import load, sockets
from bench.load import Target
from bench.machine import resident_kb
from bench.product import SQLITE
from bench.report import Row, at_most, row
from bench.stage import Scale, Stage
from bench.upstream import question

WARM_UP = 12
NEVER_READING = 50
SETTLES_S = 2.0

Opening = Callable[[Target, int], Awaitable[list[asyncio.BaseTransport]]]


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Open many of each and divide."""
    streams = await weigh(stage, open_streams, scale.many, settles_s=SETTLES_S)
    idle = await weigh(stage, open_sockets, scale.many, settles_s=SETTLES_S)
    deaf = await weigh(stage, open_deaf, NEVER_READING, settles_s=SETTLES_S * 3)
    return [
        row("memory of an open stream", [streams], "{:.0f} kB", goal="<= 80 kB", holds=at_most(80)),
        row("memory of an idle websocket", [idle], "{:.0f} kB", goal="<= 40 kB", holds=at_most(40)),
        row(
            "memory for a reader who never reads",
            [deaf],
            "{:.0f} kB",
            goal="<= 1,024 kB",
            holds=at_most(1024),
        ),
    ]


async def weigh(stage: Stage, opening: Opening, count: int, *, settles_s: float) -> float:
    """Return the kB that each of `count` open connections adds to a server of their own."""
    with stage.another(SQLITE) as product:
        target = product.chat(count)
        transports = await opening(target, WARM_UP)
        await asyncio.sleep(settles_s)
        before = resident_kb(target.pid)
        transports += await opening(target, count)
        await asyncio.sleep(settles_s)
        held = resident_kb(target.pid) - before
        for transport in transports:
            transport.close()
    return held / count


async def open_streams(target: Target, count: int) -> list[asyncio.BaseTransport]:
    """Ask slow questions and wait for the first bytes of each answer."""
    readers = [await load.connect(target) for _ in range(count)]
    message = question(tokens=100, pause_ms=1000)
    for number, reader in enumerate(readers):
        reader.begin(target.request(message, number))
    while not all(reader.answer and reader.answer.pieces for reader in readers):
        await asyncio.sleep(0.1)
    return [reader.transport for reader in readers]


async def open_sockets(target: Target, count: int) -> list[asyncio.BaseTransport]:
    """Open websockets that say nothing."""
    return [(await sockets.connect(target, number)).transport for number in range(count)]


async def open_deaf(target: Target, count: int) -> list[asyncio.BaseTransport]:
    """Ask for long answers at full speed and read none of it."""
    readers = [await load.connect(target) for _ in range(count)]
    message = question(tokens=16_000, pause_ms=0)
    for number, reader in enumerate(readers):
        reader.transport.pause_reading()
        reader.begin(target.request(message, number, max_tokens=16_000))
    return [reader.transport for reader in readers]
