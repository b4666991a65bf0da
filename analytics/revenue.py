"""What was paid: receipts of billing, without taxes, on the day that they were paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal

from django.db.models import F, Sum
from django.db.models.functions import TruncDate

from analytics.days import Days
from billing.models import Invoice

USD = "USD"


@dataclass(frozen=True, slots=True)
class Receipts:
    """Sums of receipts of one currency, and of one day and plan where they are told apart."""

    currency: str
    amount: Decimal
    day: date = date.min
    plan: str = ""  # empty as well where the receipt names none


def receipts(days: Days, *, by: Sequence[str] = ("day", "plan")) -> list[Receipts]:
    """Return what was paid in the days, by day and by plan if asked; one query on the paid invoices of these days."""
    paid = Invoice.objects.filter(
        state=Invoice.State.PAID, paid_at__gte=days.begin, paid_at__lt=days.end
    ).order_by()
    if "day" in by:
        paid = paid.annotate(day=TruncDate("paid_at", tzinfo=UTC))
    rows = paid.values("currency", *by).annotate(amount=Sum(F("paid") - F("tax")))
    return [Receipts(**row) for row in rows]


def in_usd(found: list[Receipts]) -> Decimal:
    """Return what of it was paid in USD."""
    return sum((each.amount for each in found if each.currency == USD), Decimal(0))


def elsewhere(found: list[Receipts]) -> dict[str, Decimal]:
    """Return what was paid in other currencies, by currency: there is no rate to turn it into USD by."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for each in found:
        if each.currency != USD:
            sums[each.currency] += each.amount
    return dict(sorted(sums.items()))
