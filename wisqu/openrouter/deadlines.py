"""How long to wait for a server, and a watch that ends the waiting.

The SDK's read timeout starts anew with every byte, so a stalled model that sends keep-alive comments never
times out. This watch counts only what the reader calls life, and only while somebody waits for it.
"""

import asyncio
import math
from collections.abc import Callable

from msgspec import Struct


class Deadlines(Struct, frozen=True):
    """All in seconds. `first_byte` runs from an attempt's start to its first data, `silence` between data.

    `total` bounds a whole answer, retries included. `tail` is how long usage may follow a finished answer.
    A `Retry-After` above `longest_wait` is not waited for; `backoff` is the first pause when none was given.
    """

    first_byte: float = 30.0
    silence: float = 60.0
    total: float = 600.0
    tail: float = 10.0
    longest_wait: float = 20.0
    backoff: float = 0.5


class Watch:
    """Calls `on_expire` when the server stays silent too long; `expired` then stays true.

    One timer a stream: it is not moved with each chunk, it looks when it fires whether it fired too early.
    """

    __slots__ = ("_allowed", "_loop", "_on_expire", "_since", "_timer", "_total_at", "expired")

    def __init__(self, *, total_at: float, on_expire: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._total_at = total_at
        self._on_expire = on_expire
        self._since = math.inf
        self._allowed = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self.expired = False

    def allow(self, seconds: float) -> None:
        """From now on this much silence is allowed."""
        self._allowed = seconds
        self._plan(self._loop.time() + seconds)

    def waiting(self) -> None:
        """Somebody waits for the server now; or, while waiting: there was life."""
        self._since = self._loop.time()

    def idle(self) -> None:
        """Nobody waits: a slow reader of ours is not a silent server."""
        self._since = math.inf

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self, at: float) -> None:
        self.stop()
        self._timer = self._loop.call_at(min(at, self._total_at), self._look)

    def _look(self) -> None:
        now = self._loop.time()
        due = self._since + self._allowed
        if now >= min(due, self._total_at):
            self._timer = None
            self.expired = True
            self._on_expire()
        else:
            self._plan(min(due, now + self._allowed))
