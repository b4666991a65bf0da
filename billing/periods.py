"""Usage periods: from one monthly anniversary of the subscription to the next. Computed, never scheduled."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime

MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Period:
    """From `start`, included, to `end`, not included; both in UTC."""

    start: datetime
    end: datetime


def period(anchor: datetime, now: datetime) -> Period:
    """Return the period that `now` falls in, of those that begin at the anchor and each month after it.

    Both moments are aware. Months without the anchor's day begin on their last one; the day is never lost
    by that, since every start is counted from the anchor. Before the anchor it is still the first period,
    so that a slow clock opens no period of its own.
    """
    anchor, now = anchor.astimezone(UTC), now.astimezone(UTC)
    months = (now.year - anchor.year) * MONTHS_A_YEAR + now.month - anchor.month
    if _months_after(anchor, months) > now:
        months -= 1
    months = max(months, 0)
    return Period(_months_after(anchor, months), _months_after(anchor, months + 1))


def following(anchor: datetime, end: datetime, *, months: int) -> datetime:
    """Return the anniversary of the anchor that lies `months` after the one nearest to `end`.

    Counted from the anchor, so that a payment period that ended on 28 February goes on to 31 March.
    """
    passed = (end.year - anchor.year) * MONTHS_A_YEAR + end.month - anchor.month
    return _months_after(anchor.astimezone(UTC), passed + months)


def _months_after(anchor: datetime, months: int) -> datetime:
    years, month = divmod(anchor.month - 1 + months, MONTHS_A_YEAR)
    year = anchor.year + years
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)
