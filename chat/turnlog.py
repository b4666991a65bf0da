"""The events of a running turn, for anybody who wants to follow it from any sequence number.

The producer appends to the log in its own process; `chat.mirror` carries it to other processes. What is in neither
place (the process died, or the turn ended long ago) `chat.following` tells from the database, where the text is kept
every second together with the length it had after each event.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

from chat.events import LONGEST_WRITE, Content, Event, encode

# How long the events of an ended turn stay at hand; later the database answers.
KEPT_SECONDS = 120.0
# The first reader of a turn gets each event at once, the others what came in this time: a second open page then costs
# a tenth of the first one.
OTHERS_WAIT_S = 0.1
# A reader is given so many bytes at once: one who takes nothing holds no second copy of a long answer.
BATCH_BYTES = LONGEST_WRITE
_FRONT, _BACK = encode(Content("|")).split(b"|")


class TurnLog:
    """The events of one turn in memory: JSON texts end to end, with the place where each begins."""

    __slots__ = (
        "_bodies",
        "_content_length",
        "_ends",
        "_left_out_at",
        "_offsets",
        "_readers",
        "_waiting",
        "ended",
        "turn_id",
    )

    def __init__(self, turn_id: uuid.UUID) -> None:
        self.turn_id = turn_id
        self.ended = False
        self._bodies = bytearray()
        self._offsets = array("Q", [0])
        self._ends = array("I")  # length of the answer's text after each event
        self._content_length = 0
        self._left_out_at: int | None = None  # where in the last event of an ended turn the text is missing
        self._waiting: list[asyncio.Future[None]] = []
        self._readers: list[object] = []

    @property
    def last_seq(self) -> int:
        """Return the number of the newest event; the first one is 1."""
        return len(self._ends)

    @property
    def stream_ends(self) -> bytes:
        """Return what `Message.stream_ends` keeps."""
        return self._ends.tobytes()

    def append(self, event: Event) -> tuple[int, bytes]:
        """Add an event, wake the readers, and return its number and its JSON."""
        body = encode(event)
        if type(event) is Content:
            self._content_length += len(event.content)
        self.append_encoded(body, content_length=self._content_length)
        return len(self._ends), body

    def append_encoded(self, body: bytes, *, content_length: int = 0) -> None:
        """Add an event that is JSON already (it came from another process)."""
        self._bodies += body
        self._offsets.append(len(self._bodies))
        self._ends.append(content_length)
        self.wake()

    def restore(self, bodies: Sequence[bytes], stream_ends: bytes) -> None:
        """Take the events that another process had, with what it kept of their places."""
        ends = array("I")
        ends.frombytes(stream_ends)
        for body, length in zip(bodies, ends, strict=True):
            self.append_encoded(body, content_length=length)
        self._content_length = ends[-1] if ends else 0

    def end(self) -> None:
        """Tell the readers that nothing follows, and keep no room to grow and no long text twice."""
        self.ended = True
        self._leave_text_out()
        self._bodies = bytearray(self._bodies)
        self.wake()

    def _leave_text_out(self) -> None:
        """Cut the answer's text out of a long last event: the events before have it, piece by piece."""
        begin = self._offsets[-2] if self._ends else 0
        if len(self._bodies) - begin <= BATCH_BYTES:
            return
        text = self._text()
        at = self._bodies.find(text, begin)
        if text and at >= 0:  # a second version is another text
            del self._bodies[at : at + len(text)]
            self._left_out_at = at

    def _text(self) -> bytes:
        """Return the text that is told before the last event, as it stands in JSON."""
        bodies = self._bodies
        return b"".join(
            [
                bodies[begin + len(_FRONT) : end - len(_BACK)]
                for begin, end in pairwise(self._offsets[:-1])
                if bodies.startswith(_FRONT, begin)
            ]
        )

    def _last(self) -> bytes:
        begin, at = self._offsets[-2], self._left_out_at
        if at is None:
            return bytes(self._bodies[begin:])
        return b"".join((self._bodies[begin:at], self._text(), self._bodies[at:]))

    def wake(self) -> None:
        """Let every reader look; it may find nothing, which tells it that the turn is alive."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def since(self, after: int, *, at_most: int | None = None) -> list[tuple[int, bytes]]:
        """Return the events after that number, as (number, JSON); `at_most` so many bytes, but one event at least."""
        offsets = self._offsets
        if after == len(offsets) - 2:  # the usual case: a reader who keeps up
            return [(after + 1, self._last())]
        last = len(offsets) - 1
        if at_most is not None and after < last:
            last = max(after + 1, bisect_right(offsets, offsets[after] + at_most) - 1)
        # One copy first: a view on the growing array would forbid it to grow.
        events = [
            (seq, bytes(self._bodies[offsets[seq - 1] : offsets[seq]])) for seq in range(after + 1, last + 1)
        ]
        if self._left_out_at is not None and last == self.last_seq and events:
            events[-1] = (last, self._last())
        return events

    async def follow(self, after: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        """Yield what comes after that number as it comes, until the end; an empty list says 'alive, nothing new'."""
        me = object()
        self._readers.append(me)
        try:
            while True:
                batch = self.since(after, at_most=BATCH_BYTES)
                if batch:
                    after = batch[-1][0]
                    yield batch
                    if self._readers[0] is not me and not self.ended and after == self.last_seq:
                        await asyncio.sleep(OTHERS_WAIT_S)
                elif self.ended:
                    return
                else:
                    await self._news()
                    if len(self._ends) == after and not self.ended:
                        yield []
        finally:
            self._readers.remove(me)

    def _news(self) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future


class Logs:
    """The logs of this process, kept for a while after their end."""

    def __init__(self) -> None:
        self._logs: dict[uuid.UUID, TurnLog] = {}
        self._ended: list[tuple[float, uuid.UUID]] = []

    def open(self, turn_id: uuid.UUID) -> TurnLog:
        """Make the log of a new turn."""
        self._forget_old()
        self._logs[turn_id] = turn_log = TurnLog(turn_id)
        return turn_log

    def find(self, turn_id: uuid.UUID) -> TurnLog | None:
        """Return the log where this process has it."""
        return self._logs.get(turn_id)

    def close(self, turn_log: TurnLog) -> None:
        """End a log; it stays readable for `KEPT_SECONDS`."""
        turn_log.end()
        self._ended.append((time.monotonic(), turn_log.turn_id))
        self._forget_old()

    def _forget_old(self) -> None:
        before = time.monotonic() - KEPT_SECONDS
        while self._ended and self._ended[0][0] < before:
            self._logs.pop(self._ended.pop(0)[1], None)


logs = Logs()
