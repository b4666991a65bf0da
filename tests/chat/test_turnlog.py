"""The log of a turn by itself: who reads it, and in what pieces."""

from __future__ import annotations

import asyncio
import uuid
import weakref
from collections.abc import AsyncIterator

import pytest

from chat.consumers import ChatConsumer
from chat.events import (
    LONGEST,
    LONGEST_WRITE,
    Content,
    Done,
    Event,
    Reasoning,
    encode,
    in_parts,
    sse_frame,
    sse_writes,
)
from chat.following import Batch, follow
from chat.models import Turn
from chat.turnlog import TurnLog

# Each of these is longer in JSON than a character: what is cut out has to be put back byte by byte.
LONG = 'He said: "قُلْ" \\ \n\t 🕌 ' * 5_000


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
    parts = list(in_parts(text))
    assert ("".join(parts), max(map(len, parts)), len(parts)) == (text, LONGEST, 4)


def ended_log(text: str, last: Event) -> tuple[TurnLog, Batch]:
    """Return the log of an ended turn, and its events as they were told while it ran."""
    log = TurnLog(uuid.uuid4())
    pieces = [event for part in in_parts(text) for event in (Reasoning("hm"), Content(part))]
    told = [log.append(event) for event in (*pieces, last)]
    log.end()
    return log, told


def test_the_log_of_an_ended_turn_has_a_long_text_once_and_tells_it_twice() -> None:
    done = Done({"id": "1", "content": LONG, "status": "done", "reasoning": LONG[:100]})
    log, told = ended_log(LONG, done)
    assert len(log._bodies) < 1.1 * len(encode(Content(LONG)))
    for after in range(len(told) + 1):
        assert log.since(after) == told[after:]


async def test_a_reader_of_an_ended_turn_gets_a_long_last_event_by_itself() -> None:
    log, told = ended_log(LONG, Done({"content": LONG}))
    batches = [list(batch) async for batch in log.follow(0)]
    assert [event for batch in batches for event in batch] == told
    assert batches[-1] == told[-1:]


@pytest.mark.parametrize("second", ["Another version. " * 10_000, LONG[1:], ""])
def test_a_last_event_with_another_text_stays_as_it_is(second: str) -> None:
    log, told = ended_log(LONG, Done({"content": second}))
    assert log.since(0) == told


def test_the_log_of_a_turn_without_text_or_without_any_event_ends_too() -> None:
    log, told = ended_log("", Done({"content": LONG}))
    assert log.since(0) == told
    empty = TurnLog(uuid.uuid4())
    empty.end()
    assert empty.since(0) == []


@pytest.mark.parametrize(
    "sizes", [(10,), (LONGEST_WRITE - 8,), (10, 3 * LONGEST_WRITE + 1, 10), (50_000, 50_000)]
)
def test_no_more_than_a_slice_is_handed_to_a_connection_at_once(sizes: tuple[int, ...]) -> None:
    batch = [(number, b"x" * size) for number, size in enumerate(sizes, 1)]
    frames = b"".join(sse_frame(seq, body) for seq, body in batch)
    writes = list(sse_writes(batch))
    assert b"".join(writes) == frames
    assert max(map(len, writes)) <= LONGEST_WRITE + 50


async def test_a_socket_that_waits_holds_back_no_event_beside_its_frame() -> None:
    left: list[int] = []

    class Waiting(ChatConsumer):
        async def send(
            self, text_data: str | None = None, bytes_data: bytes | None = None, close: bool = False
        ) -> None:
            left.append(len(batch))

    async def batches() -> AsyncIterator[Batch]:
        yield batch

    batch = [(number, encode(Content("x"))) for number in (1, 2, 3)]
    await Waiting()._forward(uuid.uuid4(), batches(), None, None, tells_quota=False)
    assert left == [2, 1, 0]


def test_who_follows_a_turn_holds_back_nothing_of_its_rows() -> None:
    turn = Turn(id=uuid.uuid4(), status=Turn.Status.DONE)
    row = weakref.ref(turn)
    batches = follow(turn, 0)
    del turn
    assert (batches is not None, row()) == (True, None)
