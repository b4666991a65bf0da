"""Series of measures over time: what each is made of, and the points of a trend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncDate

from analytics import revenue
from analytics.books import Books
from analytics.days import Days, Granularity, step_of
from analytics.results import Number, Trend, TrendPoint, share
from analytics.sums import PICO, TURNS, USAGE
from wisqu.accounts.models import User

Sums = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is read for a measure, and how it is made of a step's sums."""

    reads: frozenset[str]
    made: Callable[[Sums], Number]


def _plain(source: str, column: str) -> Measure:
    return Measure(frozenset({source}), lambda sums: sums[column])


def _usd(column: str) -> Measure:
    return Measure(frozenset({"usage"}), lambda sums: Decimal(sums[column]) / PICO)


def _rate(source: str, part: str, whole: str) -> Measure:
    return Measure(frozenset({source}), lambda sums: share(sums[part], sums[whole]))


_MEASURES: dict[str, Measure] = {
    "active_users": _plain("active", "active"),
    "new_users": _plain("joined", "joined"),
    "turns": _plain("turns", "turns"),
    **{
        name: _plain("usage", name)
        for name in ("messages", "calls", "tokens", "prompt_tokens", "completion_tokens", "reasoning_tokens")
    },
    "cached_tokens_read": _plain("usage", "cached_read"),
    "cached_tokens_written": _plain("usage", "cached_written"),
    "images": _plain("usage", "images"),
    "documents": _plain("usage", "documents"),
    "audio_minutes": Measure(frozenset({"usage"}), lambda sums: sums["audio_seconds"] / 60),
    "cost_usd": _usd("cost_pico"),
    "unknown_costs": _plain("usage", "unknown_costs"),
    "revenue_usd": Measure(frozenset({"revenue"}), lambda sums: Decimal(sums["revenue"])),
    "margin_usd": Measure(
        frozenset({"usage", "revenue"}), lambda sums: sums["revenue"] - Decimal(sums["cost_pico"]) / PICO
    ),
    "savings_usd": _usd("savings_pico"),
    "hit_rate": _rate("usage", "hits", "prompts"),
    "failed_turns": _plain("turns", "failed_turns"),
    "error_rate": _rate("turns", "failed_turns", "turns"),
    "fallbacks": _plain("turns", "fallbacks"),
    "fallback_rate": _rate("turns", "fallbacks", "turns"),
}
NAMES = tuple(_MEASURES)


def trend(books: Books, days: Days, wanted: Sequence[str], granularity: Granularity) -> Trend:
    """Return the wanted measures at each step of the days. Raises KeyError for one that there is not."""
    measures = {name: _MEASURES[name] for name in wanted}
    needed = frozenset().union(*(measure.reads for measure in measures.values()))
    steps: dict[date, dict[str, Any]] = {step: defaultdict(int) for step in days.steps(granularity)}
    for source in sorted(needed):
        for day, sums in _READERS[source](books, days, granularity):
            step = steps[step_of(day, granularity)]
            for name, value in sums.items():
                step[name] += value
    points = [
        TrendPoint(start=step, values={name: measure.made(sums) for name, measure in measures.items()})
        for step, sums in steps.items()
    ]
    return Trend(granularity=granularity.value, measures=tuple(wanted), points=points)


Read = list[tuple[date, Mapping[str, Any]]]


def _usage(books: Books, days: Days, _: Granularity) -> Read:
    return _by_day(books.sums(USAGE, days, USAGE.columns, by=("day",)))


def _turns(books: Books, days: Days, _: Granularity) -> Read:
    return _by_day(books.sums(TURNS, days, ("turns", "failed_turns", "fallbacks"), by=("day",)))


def _by_day(rows: list[dict[str, Any]]) -> Read:
    return [(row.pop("day"), row) for row in rows]


def _active(books: Books, days: Days, granularity: Granularity) -> Read:
    found = books.active_by_step(days, granularity)
    # A step may begin before the days that were asked for; of these only is counted.
    return [(step, {"active": count}) for step, count in found.items()]


def _joined(_: Books, days: Days, __: Granularity) -> Read:
    people = User.objects.filter(joined_at__gte=days.begin, joined_at__lt=days.end).order_by()
    rows = people.annotate(day=TruncDate("joined_at", tzinfo=UTC)).values_list("day").annotate(Count("pk"))
    return [(day, {"joined": count}) for day, count in rows]


def _revenue(_: Books, days: Days, __: Granularity) -> Read:
    return [(each.day, {"revenue": revenue.in_usd([each])}) for each in revenue.receipts(days, by=("day",))]


_READERS: dict[str, Callable[[Books, Days, Granularity], Read]] = {
    "usage": _usage,
    "turns": _turns,
    "active": _active,
    "joined": _joined,
    "revenue": _revenue,
}
