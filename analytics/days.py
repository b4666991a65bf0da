"""Ranges of days, as reports are asked for them. Days are those of UTC, the first and the last included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from django.utils import timezone

DAY = timedelta(days=1)
DEFAULT_DAYS = 30
# Ten years: beyond, it is a slip of the hand, and dates may leave what databases hold.
MOST_DAYS = 3660


class Granularity(StrEnum):
    """How long the steps of a series are. Weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Days:
    """The days from `first` to `last`, both included. Raises ValueError where there is none, or too many."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_DAYS:
            raise ValueError(f"A range holds 1 to {MOST_DAYS} days.")

    @classmethod
    def lately(cls, count: int = DEFAULT_DAYS, *, until: date | None = None) -> Days:
        """Return the last days, today (or `until`) included."""
        last = until or today()
        return cls(last - DAY * (count - 1), last)

    @property
    def count(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def begin(self) -> datetime:
        """The moment at which the first day begins."""
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        """The moment at which the last day is over."""
        return _midnight(self.last + DAY)

    @property
    def before(self) -> Days:
        """As many days, right before these: what figures are compared with."""
        return Days(self.first - DAY * self.count, self.first - DAY)

    @property
    def months(self) -> Days | None:
        """The whole months within, as one range; None where there is none.

        The present month is whole when the range goes up to today: nothing is of a day to come.
        """
        begin = self.first if self.first.day == 1 else _next_month(self.first)
        is_over = self.last < today()
        end = (self.last + DAY).replace(day=1) - DAY if is_over else _next_month(self.last) - DAY
        return Days(begin, end) if begin < end else None

    @property
    def rest(self) -> list[Days]:
        """The days around the whole months: one range before them, one after; all days where there is none."""
        whole = self.months
        if whole is None:
            return [self]
        before = [Days(self.first, whole.first - DAY)] if self.first < whole.first else []
        after = [Days(whole.last + DAY, self.last)] if whole.last < self.last else []
        return before + after

    def __iter__(self) -> Iterator[date]:
        return (self.first + DAY * number for number in range(self.count))

    def steps(self, granularity: Granularity) -> list[date]:
        """Return the first day of each step that the range touches, in order."""
        return list(dict.fromkeys(step_of(day, granularity) for day in self))


def step_of(day: date, granularity: Granularity) -> date:
    """Return the first day of the step that the day falls in; it may lie before the range that was asked for."""
    if granularity is Granularity.WEEK:
        return day - DAY * day.weekday()
    return day.replace(day=1) if granularity is Granularity.MONTH else day


def last_of(start: date, granularity: Granularity) -> date:
    """Return the last day of the step that begins with `start`."""
    if granularity is Granularity.WEEK:
        return start + DAY * 6
    return _next_month(start) - DAY if granularity is Granularity.MONTH else start


def today() -> date:
    """Return the present day in UTC."""
    return timezone.now().astimezone(UTC).date()


def _next_month(day: date) -> date:
    return (day.replace(day=1) + DAY * 31).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
