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

from analytics.days import Days, Granularity
from analytics.models import NOTHING_YET, RollupState
from analytics.rollups import as_day
from analytics.sums import PEOPLE, Sums

T = TypeVar("T")
_TRIES = 3
_ID = UUIDField()
# The first day of the step that a day falls in, as `analytics.days.step_of` has it.
_STEPS = {
    "postgresql": {
        Granularity.DAY: "day",
        Granularity.WEEK: "date_trunc('week', day)::date",
        Granularity.MONTH: "date_trunc('month', day)::date",
    },
    "sqlite": {
        Granularity.DAY: "day",
        Granularity.WEEK: "date(day, 'weekday 0', '-6 days')",
        Granularity.MONTH: "date(day, 'start of month')",
    },
}


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
        where: str = "",
        given: Sequence[Any] = (),
        ending: str = "",
    ) -> list[dict[str, Any]]:
        """Return the columns added up over the days, a row for each combination of the keys `by`.

        `where` is a condition on keys, with its values `given`; `ending` what follows the grouping. Without keys
        there is one row, of zeros if nothing was booked.
        """
        inner, values = self._everything(sums, days, columns, where=where, given=given)
        added = [f"COALESCE(SUM({name}), 0) AS {name}" for name in columns]
        grouping = f" GROUP BY {', '.join(by)}" if by else ""
        text = f"SELECT {', '.join([*by, *added])} FROM ({inner}) AS booked{grouping} {ending}"  # noqa: S608
        names = (*by, *columns)
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return [
                {name: _value(name, value, columns) for name, value in zip(names, row, strict=True)}
                for row in cursor.fetchall()
            ]

    def people(
        self,
        days: Days,
        columns: Sequence[str],
        user_ids: Sequence[uuid.UUID],
        *,
        by: Sequence[str] = ("user_id",),
    ) -> list[dict[str, Any]]:
        """Return the columns added up for each of these people who did anything, and the last day of it."""
        given = [_ID.get_db_prep_value(each, connection) for each in user_ids]
        where = f"user_id IN ({', '.join(['%s'] * len(given))})"
        inner, values = self._everything(PEOPLE, days, columns, where=where, given=given)
        keys, added = ", ".join(by), ", ".join(f"SUM({name})" for name in columns)
        names = (*by, "last_day", *columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {keys}, MAX(day), {added} FROM ({inner}) AS booked GROUP BY {keys}",  # noqa: S608
                values,
            )
            return [
                {name: _value(name, value, columns) for name, value in zip(names, row, strict=True)}
                for row in cursor.fetchall()
            ]

    def active(self, last: date) -> tuple[int, int, int]:
        """Return how many people asked for something on the day, in the 7, and in the 30 days that end with it."""
        inner, values = self._active(Days.lately(30, until=last))
        begins = [_as_given(Days.lately(count, until=last).first) for count in (1, 7)]
        since = "COALESCE(SUM(CASE WHEN seen >= %s THEN 1 ELSE 0 END), 0)"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {since}, {since}, COUNT(*) "  # noqa: S608
                f"FROM (SELECT user_id, MAX(day) AS seen FROM ({inner}) AS booked GROUP BY user_id) AS people",
                [*begins, *values],
            )
            one, seven, thirty = cursor.fetchone()
        return int(one), int(seven), int(thirty)

    def active_by_step(self, days: Days, granularity: Granularity) -> dict[date, int]:
        """Return how many people asked for something in each step of the days that has any; each counts once a step."""
        inner, values = self._active(days)
        step = _STEPS[connection.vendor][granularity]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT step, COUNT(*) FROM "  # noqa: S608
                f"(SELECT DISTINCT {step} AS step, user_id FROM ({inner}) AS booked) AS people GROUP BY step",
                values,
            )
            return {as_day(step): count for step, count in cursor.fetchall()}

    def _active(self, days: Days) -> tuple[str, list[Any]]:
        """Return the SELECT of people and days on which they asked for something; a correction is no such thing."""
        inner, values = self._everything(PEOPLE, days, ("calls", "turns"), keys=("user_id", "day"))
        return f"SELECT user_id, day FROM ({inner}) AS done WHERE calls > 0 OR turns > 0", values  # noqa: S608

    def _everything(
        self,
        sums: Sums,
        days: Days,
        columns: Sequence[str],
        *,
        keys: Sequence[str] = (),
        where: str = "",
        given: Sequence[Any] = (),
    ) -> tuple[str, list[Any]]:
        """Return the SELECT of kept sums and live rows, unsummed."""
        keys = keys or sums.keys
        condition = f" AND ({where})" if where else ""
        values = [_as_given(days.first), _as_given(days.last)]
        names = ", ".join([*keys, *columns])
        parts = [f"SELECT {names} FROM {sums.table} WHERE day >= %s AND day <= %s{condition}"]  # noqa: S608
        values += given
        for source in sums.sources:
            rows, live = source.rows(since=self.mark, until=None, begin=days.begin, end=days.end)
            made = [f"{source.key(name)} AS {name}" for name in keys]
            made += [f"{source.columns.get(name, '0')} AS {name}" for name in columns]
            outer = f" WHERE {where}" if where else ""
            parts.append(f"SELECT {names} FROM (SELECT {', '.join(made)} {rows}) AS live{outer}")  # noqa: S608
            values += [*live, *given]
        return " UNION ALL ".join(parts), values


def _as_given(day: date) -> Any:
    return connection.ops.adapt_datefield_value(day)


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
