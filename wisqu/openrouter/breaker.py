"""Models that fail again and again are left alone for a while: one breaker a model, in the memory of one process.

Closed, a model is asked. Open, it is not, until the pause is over; then one single call tries it, and decides. No
timer and no job: every question looks at the clock.
"""

import time
from collections import deque
from collections.abc import Callable

from msgspec import Struct


class Limits(Struct, frozen=True):
    """`failures` within `window` seconds, and that `share` of all calls, open a breaker for `pause` seconds.

    A call that tries a model and is never heard of again (its reader stopped it) is given up after `probe` seconds.
    """

    failures: int = 5
    share: float = 0.4
    window: float = 10.0
    pause: float = 10.0
    probe: float = 30.0


class Breaker:
    """What is known of one model lately."""

    __slots__ = ("_calls", "_limits", "_open_until", "_probed_at")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._calls: deque[tuple[float, bool]] = deque()
        self._open_until: float | None = None
        self._probed_at: float | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the model is in good standing; never hands out the one try."""
        return self._open_until is None

    def is_open(self, now: float) -> bool:
        """Whether to leave the model alone. False for the one caller who is to try it; that caller reports."""
        if self._open_until is None:
            return False
        if now < self._open_until:
            return True
        if self._probed_at is not None and now < self._probed_at + self._limits.probe:
            return True
        self._probed_at = now
        return False

    def report(self, now: float, *, failed: bool) -> None:
        """Note how a call ended."""
        if self._open_until is not None:
            if failed:
                self._open(now)
            else:
                self._close()
            return
        calls = self._calls
        calls.append((now, failed))
        while calls[0][0] < now - self._limits.window:
            calls.popleft()
        failures = sum(failed for _, failed in calls)
        if failures >= self._limits.failures and failures >= self._limits.share * len(calls):
            self._open(now)

    def _open(self, now: float) -> None:
        self._open_until = now + self._limits.pause
        self._probed_at = None
        self._calls.clear()

    def _close(self) -> None:
        self._open_until = self._probed_at = None


class Breakers:
    """The breakers of all models that were asked for."""

    def __init__(
        self,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, bool], None] = lambda _model, _is_open: None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._on_change = on_change  # told the model, and whether it is left alone from now on
        self._breakers: dict[str, Breaker] = {}

    def is_open(self, model: str) -> bool:
        """Whether to leave the model alone; see `Breaker.is_open`."""
        breaker = self._breakers.get(model)
        return breaker is not None and breaker.is_open(self._clock())

    def is_closed(self, model: str) -> bool:
        """Whether the model is in good standing."""
        breaker = self._breakers.get(model)
        return breaker is None or breaker.is_closed

    def paused(self) -> list[str]:
        """Return the models that are left alone, or were until a call decides, in this process."""
        return sorted(model for model, breaker in self._breakers.items() if not breaker.is_closed)

    def failed(self, model: str) -> None:
        """Note that the model did not answer, or not to the end."""
        if model not in self._breakers:
            self._breakers[model] = Breaker(self._limits)
        self._report(model, failed=True)

    def answered(self, model: str) -> None:
        """Note that the model answered to the end. A model that never failed is not kept in mind."""
        if model in self._breakers:
            self._report(model, failed=False)

    def _report(self, model: str, *, failed: bool) -> None:
        breaker = self._breakers[model]
        was_closed = breaker.is_closed
        breaker.report(self._clock(), failed=failed)
        if breaker.is_closed != was_closed:
            self._on_change(model, not breaker.is_closed)

    def clear(self) -> None:
        """Forget everything."""
        self._breakers.clear()
