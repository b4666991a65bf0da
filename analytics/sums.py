"""What each table of sums is made of: its keys and its columns, each with the SQL that makes it of one row.

The same expressions serve for building the sums and for reading what is not in them yet, so that both agree. Names of
tables and columns are constants of this module; values always go to the database as parameters.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from analytics.days import Granularity
from analytics.models import (
    DailyLatency,
    DailyQuotations,
    DailyTurns,
    DailyUsage,
    MonthlyLatency,
    UserDay,
    UserMonth,
)
from billing.models import LedgerEntry
from chat.attempts import TurnAttempt

# How many of our whole numbers a USD is.
PICO = 10**12

_COUNT_IF = "CASE WHEN {} THEN 1 ELSE 0 END"
# Work that begins with a prompt, which may be read from a cache.
WORDS = "kind IN ('chat', 'repair', 'title')"
_PROMPT = f"{WORDS} AND prompt_tokens > 0"


def _pico(column: str) -> str:
    return f"CAST(ROUND(COALESCE({column}, 0) * {PICO}) AS bigint)"


def _day() -> str:
    if connection.vendor == "postgresql":
        return "(created_at AT TIME ZONE 'UTC')::date"
    return "substr(created_at, 1, 10)"  # SQLite keeps moments as text, in UTC


# The first day of the step that a day falls in, as `analytics.days.step_of` has it.
_FIRST_DAYS = {
    "postgresql": {
        Granularity.DAY: "{}",
        Granularity.WEEK: "date_trunc('week', {})::date",
        Granularity.MONTH: "date_trunc('month', {})::date",
    },
    "sqlite": {
        Granularity.DAY: "{}",
        Granularity.WEEK: "date({}, 'weekday 0', '-6 days')",
        Granularity.MONTH: "date({}, 'start of month')",
    },
}


def as_day(value: date | str) -> date:
    """Return the day that the database told: SQLite keeps days as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def as_given(day: date) -> Any:
    """Return the day as the database takes it."""
    return connection.ops.adapt_datefield_value(day)


def step(granularity: Granularity, day: str = "day") -> str:
    """Return the SQL of the first day of the step that a day falls in."""
    return _FIRST_DAYS[connection.vendor][granularity].format(day)


# Milliseconds are rounded to the next of 35 marks a decade: steps of one, of two from 20 on, of five from 50 on, in
# the second digit. So no value moves by more than a twentieth, and a day of a model is a few dozen rows.
_STEPS = ((20, 1), (50, 2), (100, 5))
LARGEST_MS = 10_000_000


def rounded(column: str) -> str:
    """Return the SQL that rounds a whole number of milliseconds to its mark."""
    cases = []
    for unit in (1, 10, 100, 1_000, 10_000, 100_000):
        for below, step in _STEPS:
            width = step * unit
            cases.append(f"WHEN {column} < {below * unit} THEN ({column} + {width // 2}) / {width} * {width}")
    return f"CASE {' '.join(cases)} ELSE {LARGEST_MS} END"


@dataclass(frozen=True)
class Source:
    """Rows that sums are made of: a table with `id` and `created_at`, which of its rows, and what each gives."""

    model: type[Model]
    keys: dict[str, str]
    columns: dict[str, str]
    where: str = ""

    def rows(self, *, since: uuid.UUID | None, until: uuid.UUID | None, begin: datetime | None,
             end: datetime | None) -> tuple[str, list[Any]]:  # fmt: skip
        """Return the FROM clause with its conditions, and their values: ids from `since`, moments from `begin`."""
        field = self.model._meta.pk
        bounds = [
            ("id >= %s", since),
            ("id < %s", until),
            ("created_at >= %s", begin),
            ("created_at < %s", end),
        ]
        given = [(text, value) for text, value in bounds if value is not None]
        conditions = [text for text, _ in given] + ([self.where] if self.where else [])
        values: list[Any] = [
            field.get_db_prep_value(value, connection) if isinstance(value, uuid.UUID)
            else connection.ops.adapt_datetimefield_value(value)
            for _, value in given
        ]  # fmt: skip
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"FROM {self.model._meta.db_table}{where}", values

    def key(self, name: str) -> str:
        """Return the SQL of a key."""
        periods = {"day": Granularity.DAY, "month": Granularity.MONTH}
        return step(periods[name], _day()) if name in periods else self.keys[name]


@dataclass(frozen=True)
class Sums:
    """A table of daily sums: which keys it has, which columns are added up, and from what.

    `monthly` holds the same by month, where days alone would be too many rows for a year.
    """

    model: type[Model]
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    sources: tuple[Source, ...]
    monthly: type[Model] | None = None

    @property
    def tables(self) -> dict[str, str]:
        """The name of each of its tables in the database, by the period that a row is of."""
        found = {"day": self.model._meta.db_table}
        return found | ({"month": self.monthly._meta.db_table} if self.monthly else {})

    def keys_of(self, period: str) -> tuple[str, ...]:
        """Return the keys of the table of days, or of that of months."""
        return (period, *self.keys[1:])


_LEDGER = {
    "calls": _COUNT_IF.format("kind <> 'correction'"),
    "messages": "messages",
    "tokens": "tokens",
    "images": "images",
    "cost_pico": _pico("cost_usd"),
    "savings_pico": _pico("savings_usd"),
}
_TURN = {
    "turns": _COUNT_IF.format("is_last"),
    "failed_turns": _COUNT_IF.format("is_last AND status = 'failed'"),
}


def _all(model: type[Model], sources: tuple[Source, ...], monthly: type[Model] | None = None) -> Sums:
    keys = ("day", *sources[0].keys)
    columns = dict.fromkeys(name for source in sources for name in source.columns)
    return Sums(model, keys, tuple(columns), sources, monthly)


USAGE = _all(
    DailyUsage,
    (
        Source(
            LedgerEntry,
            keys={"plan": "plan", "model": "model", "kind": "kind"},
            columns=_LEDGER
            | {
                "documents": "documents",
                "audio_seconds": "audio_seconds",
                "prompt_tokens": "prompt_tokens",
                "completion_tokens": "completion_tokens",
                "reasoning_tokens": "reasoning_tokens",
                "cached_read": "COALESCE(cached_tokens_read, 0)",
                "cached_written": "COALESCE(cached_tokens_written, 0)",
                "prompts": _COUNT_IF.format(_PROMPT),
                "hits": _COUNT_IF.format(f"{_PROMPT} AND cached_tokens_read > 0"),
                "unknown_costs": _COUNT_IF.format("cost_usd IS NULL AND kind <> 'correction'"),
            },
        ),
    ),
)
TURNS = _all(
    DailyTurns,
    (
        Source(
            TurnAttempt,
            keys={"plan": "plan", "asked": "asked", "model": "model"},
            columns=_TURN
            | {
                "attempts": "1",
                "failed_attempts": _COUNT_IF.format("status = 'failed'"),
                "stopped_turns": _COUNT_IF.format("is_last AND status = 'stopped'"),
                "fallbacks": _COUNT_IF.format("is_last AND status <> 'failed' AND model <> asked"),
                "uncached_turns": _COUNT_IF.format("missed_savings_usd IS NOT NULL"),
                "missed_pico": _pico("missed_savings_usd"),
            },
        ),
    ),
)
LATENCY = _all(
    DailyLatency,
    tuple(
        Source(
            TurnAttempt,
            keys={"model": "model", "milliseconds": rounded(column)},
            columns={
                "first_tokens": str(int(column == "first_token_ms")),
                "totals": str(int(column == "total_ms")),
            },
            where=f"is_last AND {column} IS NOT NULL",
        )
        for column in ("first_token_ms", "total_ms")
    ),
    MonthlyLatency,
)
_VERDICTS = {"genuine": "genuine", "cut": "cut", "altered": "altered", "not_found": "unknown"}
_QUOTATIONS = {name: f"{verdict}_quotations" for name, verdict in _VERDICTS.items()}
QUOTATIONS = _all(
    DailyQuotations,
    (
        Source(
            TurnAttempt,
            keys={"model": "model", "preset": "preset"},
            columns={
                "answers": "1",
                "quoting": _COUNT_IF.format(f"{' + '.join(_QUOTATIONS.values())} > 0"),
                **_QUOTATIONS,
                "impossible": "impossible_references",
            },
            # Turns from before checks were noted have no count at all, and are no answers without quotations.
            where="is_last AND genuine_quotations IS NOT NULL",
        ),
    ),
)
PEOPLE = _all(
    UserDay,
    (
        Source(LedgerEntry, keys={"user_id": "user_id"}, columns=_LEDGER, where="user_id IS NOT NULL"),
        Source(TurnAttempt, keys={"user_id": "owner_id"}, columns=_TURN, where="is_last"),
    ),
    UserMonth,
)
# Of the table of people: whoever asked for something, answered or not; a correction is no such thing.
ACTIVE = "(calls > 0 OR turns > 0)"
ALL = (USAGE, TURNS, LATENCY, QUOTATIONS, PEOPLE)
