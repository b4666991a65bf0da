"""Keep the sums by day and by month: add what is new, build them anew, prove that they are what the ledger says.

New rows are found by their ids, which tell when they were made: everything from the mark of `RollupState` on. Between
the making of an id and the commit of its row some time passes, so the mark stays `SETTLING` behind the clock, and what
comes after it is read live (`analytics.books`). Whoever moves the mark holds the row of the state: of two jobs the
second finds nothing left to do, and one that dies has done nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from analytics import active
from analytics.days import Days, Granularity, last_of, step_of
from analytics.models import RollupState
from analytics.sums import ALL, PEOPLE, Source, Sums, as_day, as_given, step

# Longer than any transaction that writes to the ledger may take, and any two clocks of ours may differ.
SETTLING = timedelta(minutes=2)
Select = tuple[str, list[Any]]


def mark_of(moment: datetime) -> uuid.UUID:
    """Return the least id that a row made at the moment may have."""
    milliseconds = int(moment.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80)


@transaction.atomic
def roll_up(*, settling: timedelta = SETTLING) -> bool:
    """Add what was booked since the last time; return whether the mark moved. Doing it twice adds nothing twice."""
    state = _lock()
    mark = mark_of(timezone.now() - settling)
    if mark <= state.mark:
        return False
    for sums in ALL:
        for period in sums.tables:
            for source in sums.sources:
                _add(sums, source, period, since=state.mark, until=mark)
    active.count_anew(_days_of_people(since=state.mark, until=mark))
    _move(state, mark)
    return True


@transaction.atomic
def rebuild(days: Collection[date] | None = None, *, settling: timedelta = SETTLING) -> None:
    """Make the sums anew: of the given days, or of everything. Readers see the old ones until it is done."""
    state = _lock()
    if days is not None:
        for sums in ALL:
            _rebuild(sums, days, until=state.mark)
        active.count_anew(days)
        _move(state, state.mark)
        return
    mark = mark_of(timezone.now() - settling)
    for sums in ALL:
        sums.model._default_manager.all().delete()
        for source in sums.sources:
            _add(sums, source, until=mark)
        if sums.monthly:
            sums.monthly._default_manager.all().delete()
            _fill_months(sums, None)
    active.forget()
    active.count_anew(())
    _move(state, mark)


def _rebuild(sums: Sums, days: Collection[date], *, until: uuid.UUID) -> None:
    for day in days:
        sums.model._default_manager.filter(day=day).delete()
        for source in sums.sources:
            _add(sums, source, until=until, days=Days(day, day))
    if sums.monthly:
        for month in {step_of(day, Granularity.MONTH) for day in days}:
            sums.monthly._default_manager.filter(month=month).delete()
            _fill_months(sums, Days(month, month))


@transaction.atomic
def wrong_days(days: Days | None = None) -> list[date]:
    """Return the days whose sums are not what the ledger says, in order; of a range, or of all.

    A month that is not what its days say is told by its first day.
    """
    state = _lock()
    found = set(active.wrong_days(days))
    for sums in ALL:
        found |= _differing(sums, "day", days, _of_sources(sums, state.mark, days))
        if sums.monthly:
            months = days and Days(step_of(days.first, Granularity.MONTH), days.last)
            found |= _differing(sums, "month", months, _of_days(sums, months))
    return sorted(found)


def heal(days: Days) -> list[date]:
    """Make the sums of wrong days anew, and return those: entries with ids of long ago, brought in by hand."""
    wrong = wrong_days(days)
    if wrong:
        rebuild(wrong)
    return wrong


def _lock() -> RollupState:
    RollupState.objects.bulk_create([RollupState(id=1)], ignore_conflicts=True)
    return RollupState.objects.select_for_update().get(id=1)


def _move(state: RollupState, mark: uuid.UUID) -> None:
    state.mark, state.version, state.rolled_at = mark, state.version + 1, timezone.now()
    state.save()


def _add(
    sums: Sums,
    source: Source,
    period: str = "day",
    *,
    since: uuid.UUID | None = None,
    until: uuid.UUID,
    days: Days | None = None,
) -> None:
    """Add the rows of a source to its sums by day or by month, by one statement."""
    select, values = _summed(sums, source, period, since=since, until=until, days=days)
    table, keys = sums.tables[period], sums.keys_of(period)
    names = [*keys, *source.columns]
    # What the other source of the table has filled stays; without a row of its own it begins at nothing.
    others = [name for name in sums.columns if name not in source.columns]
    # In the order of days, so that a report finds the rows of its days beside each other.
    adding = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in source.columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join([*names, *others])}) "  # noqa: S608 - names are constants
            f"SELECT {', '.join([*names, *('0' for _ in others)])} FROM ({select}) AS fresh WHERE true "
            f"ORDER BY {period} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {adding}",
            values,
        )


def _summed(
    sums: Sums,
    source: Source,
    period: str = "day",
    *,
    since: uuid.UUID | None = None,
    until: uuid.UUID,
    days: Days | None = None,
) -> Select:
    rows, values = source.rows(
        since=since, until=until, begin=days.begin if days else None, end=days.end if days else None
    )
    keys = [f"{source.key(name)} AS {name}" for name in sums.keys_of(period)]
    columns = [f"SUM({text}) AS {name}" for name, text in source.columns.items()]
    numbers = ", ".join(str(number + 1) for number in range(len(keys)))
    return f"SELECT {', '.join([*keys, *columns])} {rows} GROUP BY {numbers}", values


def _days_of_people(*, since: uuid.UUID, until: uuid.UUID) -> list[date]:
    """Return the days on which new rows tell of somebody."""
    found: set[date] = set()
    with connection.cursor() as cursor:
        for source in PEOPLE.sources:
            rows, values = source.rows(since=since, until=until, begin=None, end=None)
            cursor.execute(f"SELECT DISTINCT {source.key('day')} {rows}", values)
            found |= {as_day(day) for (day,) in cursor.fetchall()}
    return sorted(found)


def _fill_months(sums: Sums, months: Days | None) -> None:
    """Add the days of these months up, or those of all."""
    names = ", ".join([*sums.keys_of("month"), *sums.columns])
    select, values = _of_days(sums, months)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {sums.tables['month']} ({names}) {select}", values)


def _of_days(sums: Sums, months: Days | None) -> Select:
    """Return the SELECT of what the sums by day come to in each month that the range touches."""
    keys = [f"{step(Granularity.MONTH)} AS month", *sums.keys[1:]]
    columns = [f"SUM({name}) AS {name}" for name in sums.columns]
    whole = months and Days(months.first, last_of(step_of(months.last, Granularity.MONTH), Granularity.MONTH))
    where, values = _between("day", whole)
    numbers = ", ".join(str(number + 1) for number in range(len(keys)))
    text = f"SELECT {', '.join([*keys, *columns])} FROM {sums.tables['day']}{where} GROUP BY {numbers}"  # noqa: S608
    return text, values


def _of_sources(sums: Sums, mark: uuid.UUID, days: Days | None) -> Select:
    """Return the SELECT of what the sources come to on each day."""
    parts, values = [], []
    for source in sums.sources:
        select, given = _summed(sums, source, until=mark, days=days)
        columns = [name if name in source.columns else f"0 AS {name}" for name in sums.columns]
        parts.append(f"SELECT {', '.join([*sums.keys, *columns])} FROM ({select}) AS part")  # noqa: S608
        values += given
    names, added = ", ".join(sums.keys), ", ".join(f"SUM({name}) AS {name}" for name in sums.columns)
    return f"SELECT {names}, {added} FROM ({' UNION ALL '.join(parts)}) AS parts GROUP BY {names}", values  # noqa: S608


def _differing(sums: Sums, period: str, days: Days | None, true: Select) -> set[date]:
    """Return the days (or months) of which a sum differs: kept but not true, or true but not kept."""
    names = ", ".join([*sums.keys_of(period), *sums.columns])
    where, values = _between(period, days)
    kept = (f"SELECT {names} FROM {sums.tables[period]}{where}", values)  # noqa: S608
    found: set[date] = set()
    with connection.cursor() as cursor:
        for (one, given), (other, others) in ((kept, true), (true, kept)):
            cursor.execute(
                f"SELECT DISTINCT {period} FROM ({one} EXCEPT {other}) AS wrong",  # noqa: S608
                [*given, *others],
            )
            found |= {as_day(day) for (day,) in cursor.fetchall()}
    return found


def _between(period: str, days: Days | None) -> Select:
    """Return the condition that a row is of the days (or of months that begin on one of them), and its values."""
    if days is None:
        return "", []
    return f" WHERE {period} >= %s AND {period} <= %s", [as_given(days.first), as_given(days.last)]


def settled_until() -> datetime:
    """Return up to which moment the sums reach; what is newer is read live."""
    state = RollupState.objects.filter(id=1).first()
    return datetime.fromtimestamp((state.mark.int >> 80) / 1000 if state else 0, UTC)
