"""How often a person may ask, over all credentials together, and how answers tell what is left.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` names each quota with its size
(`q`) and window in seconds (`w`), `RateLimit` what is left of it (`r`) and when it starts anew (`t`). Whatever knows of
a quota notes it while a request is served (`note`), and the door writes what was noted into the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from uuid import UUID

from wisqu.api.counting import count
from wisqu.api.problems import Problem
from wisqu.telemetry import metrics

WINDOW_S = 60
REQUESTS, PAGE_READS = "requests", "page-reads"
# What the site's own pages read while somebody looks at them is no request of a program, and no plan's business.
PAGE_READS_A_MINUTE = 300
# A limit that refuses is not older than this: whoever has just bought a larger plan has it.
REFUSES_FRESH_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of one quota. `name` is short ASCII without quotes; times in whole seconds."""

    name: str
    quota: int
    left: int
    window_s: int
    resets_in_s: int

    def as_dict(self) -> dict[str, int]:
        """Return the same for frames, which have no headers."""
        return {"limit": self.quota, "remaining": self.left, "resets_in": self.resets_in_s}


class TooManyRequests(Problem):
    """More requests in a minute than the plan holds. The problem document carries `limit` and `retry_after`."""

    status = 429
    code = "rate_limited"

    def __init__(self, *, limit: int, seconds: int) -> None:
        super().__init__(
            detail=f"Too many requests: {limit} a minute are allowed. Try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
            limit=limit,
            retry_after=seconds,
            advice="Wait, or choose a plan with more requests a minute.",
        )


Rate = Callable[..., int]
_rates: list[Rate] = []


def limit_by(rate: Rate) -> None:
    """Let `rate(user_id)` say how many requests a minute a person has; `max_age_s=` asks for no older knowledge."""
    _rates[:] = [rate]


def admit(user_id: UUID, *, reads_page: bool = False) -> Allowance:
    """Count one request of this person and return what is left. Raises TooManyRequests.

    `reads_page`: a page of the site reads on the person's behalf, which is counted apart.
    """
    name = PAGE_READS if reads_page else REQUESTS
    number, seconds_left = count(f"{name}:{user_id.hex}", window_s=WINDOW_S)
    limit = PAGE_READS_A_MINUTE if reads_page else _rate(user_id)
    if number > limit and not reads_page:
        limit = _rate(user_id, max_age_s=REFUSES_FRESH_S)
    seconds = max(1, math.ceil(seconds_left))
    allowance = Allowance(
        name=name, quota=limit, left=max(0, limit - number), window_s=WINDOW_S, resets_in_s=seconds
    )
    note(allowance)
    if number > limit:
        metrics.RATE_REFUSALS.inc()
        raise TooManyRequests(limit=limit, seconds=seconds)
    return allowance


def _rate(user_id: UUID, **options: float) -> int:
    return _rates[0](user_id, **options)


_noted: ContextVar[dict[str, Allowance] | None] = ContextVar("allowances", default=None)


def begin() -> dict[str, Allowance]:
    """Return where the quotas of the request that begins here are noted."""
    noted: dict[str, Allowance] = {}
    _noted.set(noted)
    return noted


def note(allowance: Allowance) -> None:
    """Tell what is left of a quota with the answer to the present request, if there is one; the last word counts."""
    noted = _noted.get()
    if noted is not None:
        noted[allowance.name] = allowance


def correct(name: str, *, left: int) -> None:
    """Change how much is left of a quota that was noted for the present request; nothing happens for any other."""
    noted = _noted.get()
    if noted is not None and name in noted:
        noted[name] = replace(noted[name], left=left)


def headers(allowances: Iterable[Allowance]) -> dict[str, str]:
    """Return the two headers; none for no quotas."""
    known = list(allowances)
    if not known:
        return {}
    return {
        "RateLimit-Policy": ", ".join(f'"{each.name}";q={each.quota};w={each.window_s}' for each in known),
        "RateLimit": ", ".join(f'"{each.name}";r={each.left};t={each.resets_in_s}' for each in known),
    }
