"""Whether this process is about to end: then it is not ready, and lets go of connections that wait for more.

`wisqu.asgi` begins it when the process is told to stop, and ends what runs once `seconds_left` is over.
"""

from __future__ import annotations

import time

_until: float | None = None


def begin(*, within_s: float) -> None:
    """Be about to end: what runs may go on for so many seconds. The first call counts."""
    global _until
    if _until is None:
        _until = time.monotonic() + within_s


def has_begun() -> bool:
    """Tell whether this process is about to end."""
    return _until is not None


def seconds_left() -> float:
    """Return for how long what runs may go on; nothing before it has begun."""
    return max(0.0, _until - time.monotonic()) if _until is not None else 0.0


def forget() -> None:
    """Go on as if nothing had been said (for tests)."""
    global _until
    _until = None
