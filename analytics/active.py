"""How many people are active: counted when a day's sums change, so that no report counts them again.

Somebody counts once in a range of days, however often they came. What is kept here are the counts of the ranges that
reports ask for; each other range is counted from the days of people (`UserDay`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date

from django.db import connection
from django.db.models import Max, Min

from analytics.days import DAY, MOST_DAYS, Days, Granularity, step_of, today
from analytics.models import DailyActive, UserDay
from analytics.sums import ACTIVE, as_day, as_given

# The longest range ends 30 days after its first day: a month of 31.
REACH = 30
# So far back counts are kept; what is older, by a slip of a clock or truly, is counted when somebody asks.
KEPT_DAYS = MOST_DAYS - REACH - 1
_WINDOWS = {"of_day": 1, "of_7_days": 7, "of_30_days": 30}
_STEPS = {"of_week": Granularity.WEEK, "of_month": Granularity.MONTH}
COLUMNS = (*_WINDOWS, *_STEPS)
_Visits = dict[date, dict[int, int]]
# Who came on a day, and how many days before that they came the last time.
_GAPS = {
    "postgresql": "day - LAG(day) OVER (PARTITION BY user_id ORDER BY day)",
    "sqlite": "julianday(day) - julianday(LAG(day) OVER (PARTITION BY user_id ORDER BY day))",
}


def column_of(days: Days) -> str | None:
    """Return the column that holds the count of these days, at the last of them; None where none does."""
    for name, length in _WINDOWS.items():
        if days.count == length:
            return name
    for name, granularity in _STEPS.items():
        if days.first == step_of(days.last, granularity):
            return name
    return None


def kept(ranges: Sequence[Days]) -> dict[date, int]:
    """Return how many people the sums have in each of these ranges, by its first day. None is longer than a month."""
    rows = {row.day: row for row in DailyActive.objects.filter(day__in=[days.last for days in ranges])}
    found, others = {}, []
    for days in ranges:
        column = column_of(days)
        if column and days.last in rows:
            found[days.first] = getattr(rows[days.last], column)
        else:
            others.append(days)
    for run in _runs({day for days in others for day in days}):
        came = _came(run)
        inside = [days for days in others if run.first <= days.first <= run.last]
        found |= {days.first: _people(came, days) for days in inside}
    return found


def count_anew(changed: Collection[date]) -> None:
    """Count again wherever people of the changed days count, and every day up to today that has no counts yet."""
    ends = {day + DAY * number for day in changed for number in range(REACH + 1)}
    oldest = UserDay.objects.aggregate(day=Min("day"))["day"] or today()
    there = DailyActive.objects.aggregate(first=Min("day"), last=Max("day"))
    ends |= _days(oldest, (there["first"] or oldest) - DAY)
    ends |= _days(there["last"] + DAY if there["last"] else oldest, today())
    begin = Days.lately(KEPT_DAYS).first
    rows = [row for days in _runs({day for day in ends if begin <= day <= today()}) for row in _counted(days)]
    DailyActive.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["day"], update_fields=COLUMNS
    )


def _days(first: date, last: date) -> set[date]:
    begin = max(first, Days.lately(KEPT_DAYS).first)
    return set(Days(begin, last)) if begin <= last else set()


def forget() -> None:
    """Drop all counts; `count_anew` makes them again."""
    DailyActive.objects.all().delete()


def wrong_days(days: Days | None) -> list[date]:
    """Return the days whose counts are not what the sums of people say."""
    kept = DailyActive.objects.order_by("day").filter(day__gte=Days.lately(KEPT_DAYS).first)
    if days:
        kept = kept.filter(day__gte=days.first, day__lte=days.last)
    rows = list(kept)
    if not rows:
        return []
    true = {row.day: row for row in _counted(Days(rows[0].day, rows[-1].day))}
    return [row.day for row in rows if _figures(row) != _figures(true[row.day])]


def _figures(row: DailyActive) -> list[int]:
    return [getattr(row, name) for name in COLUMNS]


def _runs(ends: Iterable[date]) -> list[Days]:
    """Return the days as ranges without a gap."""
    found: list[Days] = []
    for day in sorted(ends):
        if found and found[-1].last == day - DAY:
            found[-1] = Days(found[-1].first, day)
        else:
            found.append(Days(day, day))
    return found


def _counted(days: Days) -> list[DailyActive]:
    """Return the counts of each of these days, by one reading of the sums of people."""
    came = _came(Days(days.first - DAY * REACH, days.last))
    return [
        DailyActive(
            day=day,
            **{name: _people(came, Days.lately(length, until=day)) for name, length in _WINDOWS.items()},
            **{name: _people(came, Days(step_of(day, size), day)) for name, size in _STEPS.items()},
        )
        for day in days
    ]


def _people(came: _Visits, days: Days) -> int:
    """Return how many came in the days: each counts on the first day, when the last one before it lies before them."""
    return sum(number for day in days for gap, number in came[day].items() if gap > (day - days.first).days)


def _came(days: Days) -> _Visits:
    """Return how many people came on each day, by how many days before, in these days, they had come last.

    More than REACH days are all one, and so is never.
    """
    farther = REACH + 1
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT day, CASE WHEN gap < {farther} THEN gap ELSE {farther} END, COUNT(*) "  # noqa: S608
            f"FROM (SELECT day, {_GAPS[connection.vendor]} AS gap FROM {UserDay._meta.db_table} "
            f"WHERE day >= %s AND day <= %s AND {ACTIVE}) AS visits GROUP BY 1, 2",
            [as_given(days.first), as_given(days.last)],
        )
        found: _Visits = defaultdict(dict)
        for day, gap, number in cursor.fetchall():
            found[as_day(day)][int(gap)] = number
    return found
