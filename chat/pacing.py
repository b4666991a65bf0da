"""Whether the pieces of an answer go out one by one, or wait a moment for each other because this process is busy.

A piece that comes alone wakes the producer and a reader, and is a write to a connection. While there is time for that
each goes out at once. In a process that uses two fifths of a core what a fast model says in `TOGETHER_S` goes out as
one: that takes nearly half of the work away, and leaves time for those who wait for their first word, which never
waits here. Decision 0051 has the figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable

TOGETHER_S = 0.05
# Shares of a core. Joining takes nearly half of the work away: what is calm with it would be so without it.
BUSY, CALM = 0.4, 0.2
# Pieces a second: with fewer, hardly two would come in that time, and each would be late for nothing.
FAST = 50
_LOOK_EVERY_S = 0.25


class Pace:
    """How busy this process is; looked at when asked, a few times a second."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.process_time,
    ) -> None:
        self._clock, self._spent = clock, spent
        self._looked_at, self._spent_then = clock(), spent()
        self._is_busy = False

    def is_busy(self) -> bool:
        """Tell whether this process is busy."""
        now = self._clock()
        passed = now - self._looked_at
        if passed >= _LOOK_EVERY_S:
            spent = self._spent()
            share = (spent - self._spent_then) / passed
            self._is_busy = share >= (CALM if self._is_busy else BUSY)
            self._looked_at, self._spent_then = now, spent
        return self._is_busy


pace = Pace()


class Rhythm:
    """How fast the pieces of one answer come: ask after each."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None

    def is_for_joining(self, pieces: int) -> bool:
        """Tell whether the next pieces are to wait for each other; so many have come."""
        now = self._clock()
        if self._began is None:
            self._began = now
        return pieces >= FAST * (now - self._began) and pace.is_busy()
