"""`Prefer: wait=N` (RFC 7240): for how long somebody who has a job done likes to wait for its end."""

from __future__ import annotations

import re

LONGEST_WAIT_S = 60
_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?:[,;]|$)", re.IGNORECASE)


def seconds_to_wait(prefer: str | None) -> int:
    """Return for how long the asker waits, 0 when not at all."""
    found = _WAIT.search(prefer or "")
    return min(int(found[1]), LONGEST_WAIT_S) if found else 0
