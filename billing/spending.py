"""Where a usage period went: what each measure cost, and what happened on each day. One query on the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from billing.models import LedgerEntry
from billing.periods import Period

MILLION = 1_000_000
# Which measure the money of an entry went to; words (chats and titles) are counted in messages and in tokens.
WORDS = "words"
_SPENT_ON: dict[str, str] = {
    LedgerEntry.Kind.IMAGE.value: "images",
    LedgerEntry.Kind.EMBEDDING.value: "documents",
    LedgerEntry.Kind.TRANSCRIPTION.value: "audio_minutes",
}


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the period, as the reader counts days. Money in USD."""

    date: date
    messages: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Spending:
    """What the period's entries add up to, in USD. `unknown` is how many entries nobody knows the cost of."""

    days: list[Day]
    costs: dict[str, Decimal] = field(default_factory=dict)
    unknown: int = 0

    @property
    def busiest(self) -> int:
        """The most messages of a day."""
        return max((day.messages for day in self.days), default=0)

    def cost(self, measure: str) -> Decimal:
        """Return what the measure cost; messages and tokens are two counts of the same money."""
        return self.costs.get(WORDS if measure in ("messages", "tokens") else measure, Decimal(0))

    def each(self, measure: str, used: int) -> Decimal | None:
        """Return the mean cost of one unit (a message, a million tokens, a minute); None where none was used."""
        if not used:
            return None
        return self.cost(measure) / used * (MILLION if measure == "tokens" else 1)


def spending(user_id: UUID, period: Period, *, now: datetime | None = None) -> Spending:
    """Return what the user's period went to; days are those of the active time zone, up to the last one."""
    rows = (
        LedgerEntry.objects.filter(user_id=user_id, period_start=period.start)
        .order_by()
        .annotate(day=TruncDate("created_at"))
        .values("day", "kind")
        .annotate(
            day_messages=Sum("messages"),
            day_tokens=Sum("tokens"),
            day_cost=Sum("cost_usd"),
            unknown=Count("id", filter=Q(cost_source=LedgerEntry.CostSource.UNKNOWN)),
        )
    )
    costs: dict[str, Decimal] = defaultdict(Decimal)
    by_day: dict[date, Day] = {}
    unknown = 0
    for row in rows:
        cost = row["day_cost"] or Decimal(0)
        costs[_SPENT_ON.get(row["kind"], WORDS)] += cost
        unknown += row["unknown"]
        before = by_day.get(row["day"], Day(row["day"]))
        by_day[row["day"]] = Day(
            row["day"],
            before.messages + row["day_messages"],
            before.tokens + row["day_tokens"],
            before.cost + cost,
        )
    return Spending([by_day.get(each, Day(each)) for each in _days(period, by_day)], dict(costs), unknown)


def _days(period: Period, used: Iterable[date]) -> list[date]:
    """Return every day of the period, and any later one that late answers were booked on."""
    first = timezone.localtime(period.start).date()
    last = timezone.localtime(period.end - timedelta(microseconds=1)).date()
    last = max([last, *used])
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart, placed in percent of the drawing; text, since templates would localise numbers."""

    day: Day
    x: str
    y: str
    width: str
    height: str


def bars(days: list[Day]) -> list[Bar]:
    """Return a bar for each day, as high as its messages are many; a day without any has none to see."""
    slot = 100 / max(1, len(days))
    most = max((day.messages for day in days), default=0) or 1
    found = []
    for number, day in enumerate(days):
        height = 100 * day.messages / most
        height = max(height, 3.0) if day.messages else 0.0
        found.append(
            Bar(
                day,
                f"{(number + 0.15) * slot:.3f}%",
                f"{100 - height:.2f}%",
                f"{0.7 * slot:.3f}%",
                f"{height:.2f}%",
            )
        )
    return found


def as_rows(usage: dict[str, Any], spent: Spending) -> list[dict[str, Any]]:
    """Return the five meters of `billing.plans.usage`, each with its share of the limit and what it cost."""
    rows = []
    for measure in ("messages", "tokens", "images", "documents", "audio_minutes"):
        meter = usage[measure]
        rows.append(
            meter
            | {
                "measure": measure,
                "share": share(meter),
                "cost": spent.cost(measure),
                "each": spent.each(measure, meter["used"]),
            }
        )
    return rows


def share(meter: dict[str, int | None]) -> int | None:
    """Return the percentage of the limit that is gone, 0 to 100; None where there is no limit to go."""
    if not meter["limit"]:
        return None
    return min(100, 100 * (meter["used"] or 0) // meter["limit"])
