"""Keep the daily sums: add what is new, build them anew, prove that they are what the ledger says.

New rows are found by their ids, which tell when they were made: everything from the mark of `RollupState` on. Between
the making of an id and the commit of its row some time passes, so the mark stays `SETTLING` behind the clock, and what
comes after it is read live (`analytics.books`). Whoever moves the mark holds the row of the state: of two jobs the
second finds nothing left to do, and one that dies has done nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from analytics.days import Days
from analytics.models import NOTHING_YET, RollupState
from analytics.sums import ALL, Source, Sums

# Longer than any transaction that writes to the ledger may take, and any two clocks of ours may differ.
SETTLING = timedelta(minutes=2)


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
        for source in sums.sources:
            _add(sums, source, since=state.mark, until=mark)
    _move(state, mark)
    return True


@transaction.atomic
def rebuild(days: Iterable[date] | None = None, *, settling: timedelta = SETTLING) -> None:
    """Make the sums anew: of the given days, or of everything. Readers see the old ones until it is done."""
    state = _lock()
    if days is None:
        for sums in ALL:
            sums.model._default_manager.all().delete()
        state.mark = NOTHING_YET
        _move(state, NOTHING_YET)
        roll_up(settling=settling)
        return
    for day in days:
        for sums in ALL:
            sums.model._default_manager.filter(day=day).delete()
            for source in sums.sources:
                _add(sums, source, until=state.mark, days=Days(day, day))
    _move(state, state.mark)


@transaction.atomic
def wrong_days(days: Days | None = None) -> list[date]:
    """Return the days whose sums are not what the ledger says, in order; of a range, or of all."""
    state = _lock()
    found: set[date] = set()
    for sums in ALL:
        found |= _differing(sums, state.mark, days)
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
    *,
    since: uuid.UUID | None = None,
    until: uuid.UUID,
    days: Days | None = None,
) -> None:
    """Add the rows of a source to its sums, by one statement."""
    select, values = _summed(sums, source, since=since, until=until, days=days)
    names = [*sums.keys, *source.columns]
    # What the other source of the table has filled stays; without a row of its own it begins at nothing.
    others = [name for name in sums.columns if name not in source.columns]
    # In the order of days, so that a report finds the rows of its days beside each other.
    adding = ", ".join(f"{name} = {sums.table}.{name} + excluded.{name}" for name in source.columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {sums.table} ({', '.join([*names, *others])}) "  # noqa: S608 - names are constants
            f"SELECT {', '.join([*names, *('0' for _ in others)])} FROM ({select}) AS fresh WHERE true ORDER BY day "
            f"ON CONFLICT ({', '.join(sums.keys)}) DO UPDATE SET {adding}",
            values,
        )


def _summed(
    sums: Sums,
    source: Source,
    *,
    since: uuid.UUID | None = None,
    until: uuid.UUID,
    days: Days | None,
) -> tuple[str, list[Any]]:
    rows, values = source.rows(
        since=since, until=until, begin=days.begin if days else None, end=days.end if days else None
    )
    keys = [f"{source.key(name)} AS {name}" for name in sums.keys]
    columns = [f"SUM({text}) AS {name}" for name, text in source.columns.items()]
    numbers = ", ".join(str(number + 1) for number in range(len(keys)))
    return f"SELECT {', '.join([*keys, *columns])} {rows} GROUP BY {numbers}", values


def _differing(sums: Sums, mark: uuid.UUID, days: Days | None) -> set[date]:
    """Return the days of which a sum differs: kept but not made of the sources, or made of them but not kept."""
    parts, values = [], []
    for source in sums.sources:
        select, given = _summed(sums, source, until=mark, days=days)
        columns = [name if name in source.columns else f"0 AS {name}" for name in sums.columns]
        parts.append(f"SELECT {', '.join([*sums.keys, *columns])} FROM ({select}) AS part")  # noqa: S608
        values += given
    names, added = ", ".join(sums.keys), ", ".join(f"SUM({name}) AS {name}" for name in sums.columns)
    true = f"SELECT {names}, {added} FROM ({' UNION ALL '.join(parts)}) AS parts GROUP BY {names}"  # noqa: S608
    kept = f"SELECT {names}, {', '.join(sums.columns)} FROM {sums.table}"  # noqa: S608
    bounds: list[Any] = []
    if days:
        kept += " WHERE day >= %s AND day <= %s"
        bounds = [days.first.isoformat(), days.last.isoformat()]
    with connection.cursor() as cursor:
        found = set()
        for one, other, given in ((kept, true, [*bounds, *values]), (true, kept, [*values, *bounds])):
            cursor.execute(f"SELECT DISTINCT day FROM ({one} EXCEPT {other}) AS wrong", given)  # noqa: S608
            found |= {as_day(day) for (day,) in cursor.fetchall()}
    return found


def as_day(value: date | str) -> date:
    """Return the day that the database told: SQLite keeps days as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def settled_until() -> datetime:
    """Return up to which moment the sums reach; what is newer is read live."""
    state = RollupState.objects.filter(id=1).first()
    return datetime.fromtimestamp((state.mark.int >> 80) / 1000 if state else 0, UTC)
