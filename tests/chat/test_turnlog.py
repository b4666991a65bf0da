"""The log of a turn by itself: who reads it, and in what pieces."""

from __future__ import annotations

import asyncio
import uuid

from chat.events import LONGEST, Content, in_parts
from chat.turnlog import TurnLog


async def write(log: TurnLog, words: int) -> None:
    for number in range(words):
        log.append(Content(f" w{number}"))
        await asyncio.sleep(0.005)
    log.end()


async def read(log: TurnLog, *, leaves_after: int = 10_000) -> list[int]:
    """Return how many events each batch held."""
    sizes: list[int] = []
    async for batch in log.follow(0):
        sizes.append(len(batch))
        if sum(sizes) >= leaves_after:
            break
    return sizes


async def test_the_first_reader_gets_each_word_at_once_and_the_others_some_at_a_time() -> None:
    log = TurnLog(uuid.uuid4())
    first, second, _ = await asyncio.gather(read(log), read(log), write(log, 60))
    assert sum(first) == sum(second) == 60
    assert len(second) < len(first) / 2


async def test_when_the_first_reader_leaves_the_next_one_takes_its_place() -> None:
    log = TurnLog(uuid.uuid4())
    _, second, _ = await asyncio.gather(read(log, leaves_after=5), read(log), write(log, 120))
    assert sum(second) == 120
    assert second[-10:].count(1) >= 8


async def test_a_reader_who_comes_late_gets_everything_at_once() -> None:
    log = TurnLog(uuid.uuid4())
    await write(log, 20)
    assert await read(log) == [20]


async def test_a_long_answer_is_given_in_parts_that_a_reader_who_takes_nothing_cannot_pile_up() -> None:
    log = TurnLog(uuid.uuid4())
    for _ in range(10):
        log.append(Content("x" * 20_000))
    log.append(Content("x" * 200_000))
    log.end()
    assert await read(log) == [3, 3, 3, 1, 1]


def test_what_came_all_at_once_is_told_in_events_of_bounded_length() -> None:
    text = "".join(chr(0x627 + number % 28) for number in range(3 * LONGEST + 5))
    parts = [event.content for event in in_parts(text)]
    assert ("".join(parts), max(map(len, parts)), len(parts)) == (text, LONGEST, 4)
