"""What a change of plan costs: pure arithmetic with exact amounts."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from billing.models import Interval
from billing.periods import MONTHS_A_YEAR, Period, following

CENT = Decimal("0.01")
_TICK = timedelta(microseconds=1)


def cents(amount: Decimal) -> Decimal:
    """Round to whole cents, half a cent up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def share_left(paid: Period, now: datetime) -> Decimal:
    """Return how much of a paid time is still to come, from 0 to 1."""
    left = max(timedelta(0), paid.end - max(now, paid.start))
    return Decimal(left // _TICK) / Decimal((paid.end - paid.start) // _TICK)


def months(interval: str) -> int:
    """Return how many months one payment lasts."""
    return MONTHS_A_YEAR if interval == Interval.YEAR else 1


def first_period(interval: str, now: datetime) -> Period:
    """Return the time that a payment of now pays for."""
    return Period(now, following(now, now, months=months(interval)))


def next_period(interval: str, anchor: datetime, paid_until: datetime) -> Period:
    """Return the time that the next payment pays for; its end is an anniversary of the anchor."""
    return Period(paid_until, following(anchor, paid_until, months=months(interval)))
