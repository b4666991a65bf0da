"""The sandbox's time: the real one plus what a test advanced it by."""

import time


class Clock:
    """Seconds since the epoch; only ever moves forward."""

    def __init__(self) -> None:
        self.advanced = 0.0

    def now(self) -> float:
        return time.time() + self.advanced

    def advance(self, seconds: float) -> None:
        """Move the time forward. Raises ValueError on a negative step."""
        if seconds < 0:
            raise ValueError("the clock moves forward only")
        self.advanced += seconds
