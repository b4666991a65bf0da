"""Who shows no sign of life is watched for a while before he is taken for dead.

Signs of life are written with the clock of one machine and read with that of another. A clock that jumps, or goes
wrong, makes every sign look old; that it is followed by no other one can be seen without any clock but one's own.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

# A sign that lies further in the future than this says nothing.
AHEAD = timedelta(minutes=1)


class Vigil:
    """Remembers the last signs of those who look dead, between two looks of this process."""

    def __init__(self, *, for_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._for_s, self._clock = for_s, clock
        self._seen: dict[uuid.UUID, tuple[datetime, float]] = {}

    def dead(self, signs: Mapping[uuid.UUID, datetime]) -> set[uuid.UUID]:
        """Return whose sign has been the same for `for_s` seconds; who is not in `signs` is forgotten."""
        now = self._clock()
        before, self._seen = self._seen, {}
        for who, sign in signs.items():
            known = before.get(who)
            self._seen[who] = known if known and known[0] == sign else (sign, now)
        return {who for who, (_, since) in self._seen.items() if now - since >= self._for_s}
