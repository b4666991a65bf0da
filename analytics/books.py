"""Reading the sums: those that are kept, and with them whatever came after their mark, live from its source.

Both are read by one statement. A report that needs several statements opens the books, and looks at the end whether
somebody moved the mark meanwhile; then it reads once more.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.db import connection
from django.db.models import UUIDField

from analytics import active
from analytics.days import Days, Granularity, last_of
from analytics.models import NOTHING_YET, RollupState
from analytics.sums import ACTIVE, PEOPLE, Sums, as_day, as_given, step

T = TypeVar("T")
_TRIES = 3
_ID = UUIDField()


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on keys in SQL, with its values."""

    text: str = ""
    values: tuple[Any, ...] = ()

    @property
    def ending(self) -> str:
        """The condition behind others."""
        return f" AND ({self.text})" if self.text else ""

    @property
    def alone(self) -> str:
        """The condition by itself."""
        return f" WHERE {self.text}" if self.text else ""


ANY = Condition()
Select = tuple[str, list[Any]]
_VISIT = ("user_id", "day", "calls", "turns")


def among(user_ids: Sequence[uuid.UUID]) -> Condition:
    """Return the condition that a row is of one of these people."""
    given = tuple(_ID.get_db_prep_value(each, connection) for each in user_ids)
    return Condition(f"user_id IN ({', '.join(['%s'] * len(given))})", given)


@dataclass(frozen=True, slots=True)
class Books:
    """The sums up to a mark, as they were when the books were opened."""

    mark: uuid.UUID
    version: int

    @classmethod
    def open(cls) -> Books:
        """Look how far the sums reach."""
        found = RollupState.objects.filter(id=1).values_list("mark", "version").first()
        return cls(*(found or (NOTHING_YET, 0)))

    def sums(
        self,
        sums: Sums,
        days: Days,
        columns: Sequence[str],
        *,
        by: Sequence[str] = (),
        where: Condition = ANY,
        ending: str = "",
    ) -> list[dict[str, Any]]:
        """Return the columns added up over the days, a row for each combination of the keys `by`.

        `ending` is what follows the grouping. Without keys there is one row, of zeros if nothing was booked.
        """
        keys = [name for name in sums.keys if name != "day" or name in by]
        inner, values = self.everything(sums, days, [*keys, *columns], where)
        added = [f"COALESCE(SUM({name}), 0) AS {name}" for name in columns]
        grouping = f" GROUP BY {', '.join(by)}" if by else ""
        text = f"SELECT {', '.join([*by, *added])} FROM ({inner}) AS booked{grouping} {ending}"  # noqa: S608
        return as_rows(text, values, (*by, *columns), columns)

    def people(
        self,
        days: Days,
        columns: Sequence[str],
        user_ids: Sequence[uuid.UUID],
        *,
        by: Sequence[str] = ("user_id",),
    ) -> list[dict[str, Any]]:
        """Return the columns added up for each of these people who did anything, and the last day of it."""
        inner, values = self.everything(PEOPLE, days, [*PEOPLE.keys, *columns], among(user_ids))
        keys, added = ", ".join(by), ", ".join(f"SUM({name})" for name in columns)
        text = f"SELECT {keys}, MAX(day), {added} FROM ({inner}) AS booked GROUP BY {keys}"  # noqa: S608
        return as_rows(text, values, (*by, "last_day", *columns), columns)

    def active(self, last: date) -> list[int]:
        """Return how many people asked for something on the day, in the 7, and in the 30 days that end with it."""
        windows = [Days.lately(count, until=last) for count in (1, 7, 30)]
        kept, fresh = active.kept(windows), self._fresh(windows[-1])
        return [
            kept[days.first]
            + sum(
                n for seen, known, n in fresh if seen >= days.first and (known is None or known < days.first)
            )
            for days in windows
        ]

    def active_by_step(self, days: Days, granularity: Granularity) -> dict[date, int]:
        """Return how many people asked for something in each step of the days; each counts once a step."""
        steps = {
            start: Days(max(start, days.first), min(last_of(start, granularity), days.last))
            for start in days.steps(granularity)
        }
        kept, fresh = active.kept(list(steps.values())), self._newcomers(days, granularity)
        return {start: kept[step.first] + fresh.get(start, 0) for start, step in steps.items()}

    def _fresh(self, days: Days) -> list[tuple[date, date | None, int]]:
        """Return how many people came after the mark, by the last day of it and the last that is kept of them."""
        inner, values = united(self.live(PEOPLE, days, _VISIT))
        known = (
            f"SELECT MAX(day) FROM {PEOPLE.tables['day']} AS kept WHERE kept.user_id = live.user_id "  # noqa: S608
            f"AND day >= %s AND day <= %s AND {ACTIVE}"
        )
        text = (
            f"SELECT seen, known, COUNT(*) FROM (SELECT MAX(day) AS seen, ({known}) AS known "  # noqa: S608
            f"FROM ({inner}) AS live WHERE {ACTIVE} GROUP BY user_id) AS fresh GROUP BY seen, known"
        )
        with connection.cursor() as cursor:
            cursor.execute(text, [as_given(days.first), as_given(days.last), *values])
            return [
                (as_day(seen), as_day(known) if known else None, n) for seen, known, n in cursor.fetchall()
            ]

    def _newcomers(self, days: Days, granularity: Granularity) -> dict[date, int]:
        """Return how many people came in each step after the mark who are not among those kept of it."""
        inner, values = united(self.live(PEOPLE, days, _VISIT))
        first = step(granularity)
        text = (
            f"SELECT step, COUNT(*) FROM (SELECT DISTINCT {first} AS step, user_id "  # noqa: S608
            f"FROM ({inner}) AS live WHERE {ACTIVE}) AS fresh WHERE NOT EXISTS ("
            f"SELECT 1 FROM {PEOPLE.tables['day']} AS kept WHERE kept.user_id = fresh.user_id "
            f"AND day >= %s AND day <= %s AND {ACTIVE} AND {first} = step) GROUP BY step"
        )
        with connection.cursor() as cursor:
            cursor.execute(text, [*values, as_given(days.first), as_given(days.last)])
            return {as_day(start): count for start, count in cursor.fetchall()}

    def everything(self, sums: Sums, days: Days, names: Sequence[str], where: Condition = ANY) -> Select:
        """Return the SELECT of kept sums and live rows, unsummed: keys and columns in the given order.

        What needs no days is read by whole months where there are any.
        """
        whole = days.months if sums.monthly and "day" not in names else None
        kept = [self.kept(sums, "month", whole, names, where)] if whole else []
        kept += [self.kept(sums, "day", each, names, where) for each in (days.rest if whole else [days])]
        return united([*kept, *self.live(sums, days, names, where)])

    @staticmethod
    def kept(sums: Sums, period: str, days: Days, names: Sequence[str], where: Condition = ANY) -> Select:
        """Return the SELECT of the sums of these days, or of the months that begin on one of them."""
        table = sums.tables[period]
        text = f"SELECT {', '.join(names)} FROM {table} WHERE {period} >= %s AND {period} <= %s{where.ending}"  # noqa: S608
        return text, [as_given(days.first), as_given(days.last), *where.values]

    def live(self, sums: Sums, days: Days, names: Sequence[str], where: Condition = ANY) -> list[Select]:
        """Return the SELECTs of the rows of these days that came after the mark, one of each source."""
        found = []
        for source in sums.sources:
            rows, values = source.rows(since=self.mark, until=None, begin=days.begin, end=days.end)
            made = [
                f"{source.key(name) if name in sums.keys else source.columns.get(name, '0')} AS {name}"
                for name in names
            ]
            text = f"SELECT {', '.join(names)} FROM (SELECT {', '.join(made)} {rows}) AS live{where.alone}"  # noqa: S608
            found.append((text, [*values, *where.values]))
        return found


def united(parts: Sequence[Select]) -> Select:
    """Return the SELECT of all rows of several."""
    return " UNION ALL ".join(text for text, _ in parts), [value for _, values in parts for value in values]


def as_rows(
    select: str, values: list[Any], names: Sequence[str], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Run a SELECT; return its rows under these names, of which `columns` are whole numbers."""
    with connection.cursor() as cursor:
        cursor.execute(select, values)
        return [
            {name: _value(name, value, columns) for name, value in zip(names, row, strict=True)}
            for row in cursor.fetchall()
        ]


def _value(name: str, value: Any, columns: Sequence[str]) -> Any:
    """Return what the database told as Python has it: sums are Decimals in PostgreSQL, days and ids texts in SQLite."""
    if name in columns:
        return int(value)
    if name.endswith("day"):
        return as_day(value)
    return uuid.UUID(value) if name == "user_id" and isinstance(value, str) else value


def steadily(compute: Callable[[Books], T]) -> T:
    """Return what is computed from the books, all of it with one and the same mark."""
    for _ in range(_TRIES):
        books = Books.open()
        found = compute(books)
        if Books.open() == books:
            break
    return found
