"""Whether the pieces of answers go out one by one, or wait a moment for each other because this process is busy.

A piece that comes alone wakes the producer and a reader, and is a write to a connection. While there is time for that,
each goes out at once. In a process that uses half of a core the pieces of the next `TOGETHER_S` go out as one: that
takes a third of the work away, and leaves time for those who wait for their first word, which never waits here.
Decision 0051 has the figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable

TOGETHER_S = 0.05
# Shares of a core. Joining takes about a third of the work away: what is calm then would be so without it.
BUSY, CALM = 0.5, 0.25
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
        """Tell whether pieces are to wait for each other."""
        now = self._clock()
        passed = now - self._looked_at
        if passed >= _LOOK_EVERY_S:
            spent = self._spent()
            share = (spent - self._spent_then) / passed
            self._is_busy = share >= (CALM if self._is_busy else BUSY)
            self._looked_at, self._spent_then = now, spent
        return self._is_busy


pace = Pace()
