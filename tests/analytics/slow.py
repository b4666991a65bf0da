"""The same numbers, counted slowly and plainly: every row is looked at, one after the other, in Python."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from analytics.days import Days
from billing.models import Invoice, LedgerEntry
from chat.models import TurnAttempt

WORDS = ("chat", "repair", "title")
ZERO = Decimal(0)


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def entries(days: Days) -> list[LedgerEntry]:
    return [
        entry for entry in LedgerEntry.objects.all() if days.first <= day_of(entry.created_at) <= days.last
    ]


def attempts(days: Days) -> list[TurnAttempt]:
    return [each for each in TurnAttempt.objects.all() if days.first <= day_of(each.created_at) <= days.last]


def last_attempts(days: Days) -> list[TurnAttempt]:
    return [each for each in attempts(days) if each.is_last]


def receipts(days: Days) -> list[Invoice]:
    paid = Invoice.objects.filter(state="paid")
    return [each for each in paid if each.paid_at and days.first <= day_of(each.paid_at) <= days.last]


def revenue(found: Iterable[Invoice]) -> Decimal:
    return sum((each.paid - each.tax for each in found if each.currency == "USD"), ZERO)


def money(found: Iterable[Any], column: str) -> Decimal:
    return sum((getattr(each, column) or ZERO for each in found), ZERO)


def total(found: Iterable[Any], column: str) -> int:
    return sum(getattr(each, column) or 0 for each in found)


def calls(found: Iterable[LedgerEntry]) -> int:
    return sum(entry.kind != "correction" for entry in found)


def mark_of(value: int) -> int:
    """Round half up in the second digit: to ones below 20, to twos below 50, to fives from there."""
    unit = 10 ** max(0, len(str(value)) - 2)
    step = unit * (1 if value < 20 * unit else 2 if value < 50 * unit else 5)
    return (value + step // 2) // step * step


def percentile(values: list[int | None], percent: int) -> int | None:
    """Return the value at the nearest rank of all that are known."""
    known = sorted(mark_of(value) for value in values if value is not None)
    return known[math.ceil(len(known) * percent / 100) - 1] if known else None


def latencies(turns: list[TurnAttempt]) -> dict[str, int | None]:
    return {
        f"{name}_p{percent}_ms": percentile([getattr(turn, f"{column}") for turn in turns], percent)
        for name, column in (("first_token", "first_token_ms"), ("total", "total_ms"))
        for percent in (50, 95)
    }


def active(last: date, count: int) -> int:
    days = Days(last - timedelta(days=count - 1), last)
    people = {entry.user_id for entry in entries(days) if entry.kind != "correction"}
    return len((people | {turn.owner_id for turn in last_attempts(days)}) - {None})


def grouped(found: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for each in found:
        groups[key(each)].append(each)
    return groups


def is_fallback(turn: TurnAttempt) -> bool:
    return turn.is_last and turn.status != "failed" and turn.model != turn.asked


def moves(days: Days) -> Counter[tuple[str, str]]:
    return Counter((turn.asked, turn.model) for turn in attempts(days) if is_fallback(turn))


def user_days(days: Days) -> dict[Any, dict[str, Any]]:
    """Return what each user did."""
    rows: dict[Any, dict[str, Any]] = {}
    for entry in entries(days):
        if entry.user_id:
            row = rows.setdefault(entry.user_id, Counter())
            row["cost_usd"] += entry.cost_usd or ZERO
            row["savings_usd"] += entry.savings_usd or ZERO
            for column in ("messages", "tokens", "images"):
                row[column] += getattr(entry, column)
            row["calls"] += entry.kind != "correction"
    for turn in last_attempts(days):
        row = rows.setdefault(turn.owner_id, Counter())
        row["turns"] += 1
        row["failed_turns"] += turn.status == "failed"
    return rows


def checks(days: Days, key: Callable[[TurnAttempt], Any]) -> dict[Any, tuple[int, ...]]:
    """Return answers, those that quote, genuine, cut, altered, unknown ones and impossible references, by a key."""
    found: dict[Any, tuple[int, ...]] = {}
    for turn in last_attempts(days):
        if turn.genuine_quotations is None:
            continue
        verdicts = (turn.genuine_quotations, turn.cut_quotations, turn.altered_quotations,
                    turn.unknown_quotations)  # fmt: skip
        row = (1, int(any(verdicts)), *verdicts, turn.impossible_references)
        found[key(turn)] = tuple(map(sum, zip(found.get(key(turn), (0,) * 7), row, strict=True)))
    return found
