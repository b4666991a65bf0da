"""Counters are a cache of the ledger: compare the two, and put right what differs.

A period is examined under the lock of its row. Whoever changes a counter writes the entry or the hold in the same
transaction, so under that lock the sums of what is committed are exactly what the counters have to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F, Sum

from billing.amounts import MEASURES
from billing.models import (
    LedgerEntry,
    MonthlyUsageQuota,
    QuotaGrant,
    Reservation,
    Subscription,
    UsageRepair,
)
from billing.periods import period

CHUNK = 500
_MONEY = {"cost_usd": "cost_usd", "cache_savings_usd": "savings_usd"}
_COLUMNS = [f"{kind}_{measure}" for kind in ("used", "held") for measure in MEASURES] + list(_MONEY)
# SQLite adds money in binary floating point: there the counter is near, while the ledger is exact.
_NEAR = Decimal("1e-9")
_PLACES = Decimal("1e-12")

Key = tuple[UUID, datetime]
Counters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A usage period whose counters are not what they should be: the columns that differ, as found and as right."""

    user_id: UUID
    period_start: datetime
    found: Counters
    right: Counters

    def __str__(self) -> str:
        changes = ", ".join(f"{name} {self.found[name]} -> {right}" for name, right in self.right.items())
        return f"{self.user_id} from {self.period_start:%Y-%m-%d}: {changes}"


@dataclass(slots=True)
class Result:
    """How many periods were compared, and those that differed."""

    periods: int
    differences: list[Difference]


def reconcile(*, repairs: bool, made_by: str, reason: str = "", user_id: UUID | None = None) -> Result:
    """Compare every period, or those of one user; with `repairs` put right what differs and keep a note of it.

    Each repair is a transaction of its own. The product may go on working meanwhile.
    """
    result = Result(0, [])
    for users in _chunks(user_id):
        counters, sums = _counters(users), _sums(users)
        result.periods += len(counters.keys() | sums.keys())
        for key in sorted(counters.keys() | sums.keys()):
            if _differing(counters.get(key, {}), sums.get(key, {})):
                difference = _examine(key, repairs=repairs, made_by=made_by, reason=reason)
                if difference is not None:
                    result.differences.append(difference)
    return result


def _chunks(user_id: UUID | None) -> Iterator[Sequence[UUID]]:
    """Yield the users a few hundred at a time. Erased accounts have no counters any more."""
    if user_id is not None:
        yield [user_id]
        return
    people = get_user_model().objects.order_by("pk").values_list("pk", flat=True)
    last: list[UUID] = list(people[:CHUNK])
    while last:
        yield last
        last = list(people.filter(pk__gt=last[-1])[:CHUNK])


def _counters(users: Sequence[UUID]) -> dict[Key, Counters]:
    rows = MonthlyUsageQuota.objects.filter(user_id__in=users).values("user_id", "period_start", *_COLUMNS)
    return {(row.pop("user_id"), row.pop("period_start")): dict(row) for row in rows}


def _sums(users: Sequence[UUID]) -> dict[Key, Counters]:
    """Return what the counters have to be, of every period that has an entry or a hold."""
    entries = LedgerEntry.objects.filter(user_id__in=users)
    holds = Reservation.objects.filter(user_id__in=users, state=Reservation.State.HELD)
    used = {f"used_{measure}": Sum(measure) for measure in MEASURES}
    money = {column: Sum(source) for column, source in _MONEY.items()}
    held = {f"held_{measure}": Sum(measure) for measure in MEASURES}
    sums: dict[Key, Counters] = {}
    for query, wanted in ((entries, used | money), (holds, held)):
        grouped = query.order_by().values(owner=F("user_id"), start=F("period_start"))
        found: Any = grouped.annotate(**wanted)
        for row in found:
            facts = {name: value for name in wanted if (value := row[name])}
            sums.setdefault((row["owner"], row["start"]), {}).update(facts)
    for right in sums.values():
        # Corrections can take back more than was charged; a counter can't say so.
        right.update({name: max(value, 0) for name, value in right.items() if name != "cache_savings_usd"})
    return sums


def _differing(found: Counters, right: Counters) -> list[str]:
    return [name for name in _COLUMNS if _is_other(name, found.get(name, 0), right.get(name, 0))]


def _is_other(name: str, found: Any, right: Any) -> bool:
    slack = _NEAR if name in _MONEY and connection.vendor == "sqlite" else 0
    return bool(abs(found - right) > slack)


@transaction.atomic
def _examine(key: Key, *, repairs: bool, made_by: str, reason: str) -> Difference | None:
    """Compare one period under its lock; what was under way a moment ago has ended or has not begun."""
    user_id, start = key
    if repairs and not MonthlyUsageQuota.objects.filter(user_id=user_id, period_start=start).exists():
        _open(key)
    row = MonthlyUsageQuota.objects.select_for_update().filter(user_id=user_id, period_start=start).first()
    found = {name: getattr(row, name) for name in _COLUMNS} if row else {}
    right = _sums([user_id]).get(key, {})
    names = _differing(found, right)
    if not names:
        return None
    difference = Difference(
        user_id,
        start,
        {name: found.get(name, 0) for name in names},
        {name: _stored(name, right.get(name, 0)) for name in names},
    )
    if repairs and row:
        _repair(row, difference, made_by=made_by, reason=reason)
    return difference


def _stored(name: str, value: Any) -> Any:
    return Decimal(value).quantize(_PLACES) if name in _MONEY else int(value)


def _open(key: Key) -> None:
    """Make the row of a period that has lost its own."""
    user_id, start = key
    subscription = Subscription.objects.filter(user_id=user_id).first()
    known = subscription.period(start) if subscription else None
    end = known.end if known and known.start == start else period(start, start).end
    row = MonthlyUsageQuota(user_id=user_id, period_start=start, period_end=end)
    granted = QuotaGrant.objects.filter(user_id=user_id, period_start=start)
    for measure, amount in granted.order_by().values_list("measure").annotate(Sum("amount")):
        setattr(row, f"extra_{measure}", amount)
    MonthlyUsageQuota.objects.bulk_create([row], ignore_conflicts=True)


def _repair(row: MonthlyUsageQuota, difference: Difference, *, made_by: str, reason: str) -> None:
    MonthlyUsageQuota.objects.filter(pk=row.pk).update(**difference.right)
    UsageRepair.objects.create(
        user_id=difference.user_id,
        period_start=difference.period_start,
        made_by=made_by[:254],
        reason=reason[:200] or "The counters were not the sums of the ledger and of the open holds.",
        found={name: str(value) for name, value in difference.found.items()},
        repaired={name: str(value) for name, value in difference.right.items()},
    )
