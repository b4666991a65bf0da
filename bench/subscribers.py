"""What does one more reader of a running turn cost, beside the turn with its first one?"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bench import load
from bench.load import Target
from bench.machine import cpu_seconds
from bench.product import SQLITE
from bench.report import Row, at_most, row
from bench.stage import Scale, Stage
from bench.upstream import question

TURNS = 20


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Let each of some turns be read once, then by two."""
    target = stage.product(SQLITE).chat(TURNS)
    await cpu_of_turns(target, scale, joined=True)
    dearer = []
    for _ in range(scale.runs):
        alone = await cpu_of_turns(target, scale, joined=False)
        dearer.append(await cpu_of_turns(target, scale, joined=True) / alone - 1)
    name = "one more reader of a running turn, of the cost of turn and first reader"
    return [row(name, dearer, "{:.0%}", goal="<= 10%", holds=at_most(0.1))]


async def cpu_of_turns(target: Target, scale: Scale, *, joined: bool) -> float:
    """Return the CPU seconds of so many turns, each with one reader or with two. Raises RuntimeError for lost text."""
    before = cpu_seconds(target.pid)
    message = question(tokens=scale.tokens, pause_ms=10)
    answers = await asyncio.gather(*(read(target, message, number, joined=joined) for number in range(TURNS)))
    flat = [answer for some in answers for answer in some]
    if load.whole(flat, scale.tokens) != len(flat):
        raise RuntimeError("a reader lost or doubled text")
    return cpu_seconds(target.pid) - before


async def read(target: Target, message: str, number: int, *, joined: bool) -> list[load.Answer]:
    """Ask, join the same turn over another connection, read both to the end."""
    reader = await load.connect(target)
    reading = [reader.begin(target.request(message, number))]
    if joined:
        while b'"type":"content"' not in b"".join(data for _, data in reader.answer.pieces):
            await asyncio.sleep(0.02)
        turn_id = reader.answer.so_far("turn_id")
        again = replace(target, path=f"/api/v1/chat/turns/{turn_id}/events", method="GET")
        second = await load.connect(again)
        reading.append(second.begin(again.request("", number)))
    return await asyncio.wait_for(asyncio.gather(*reading), load.LASTS_AT_MOST_S)
