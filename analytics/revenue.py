"""What was paid: receipts of billing, without taxes, on the day that they were paid."""

from __future__ import annotations

from collections import defaultdict
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
    """Sums of receipts of one day, plan and currency; `plan` is empty where the receipt names none."""

    day: date
    plan: str
    currency: str
    amount: Decimal


def receipts(days: Days) -> list[Receipts]:
    """Return what was paid in the days; one query on the paid invoices of these days."""
    paid = Invoice.objects.filter(
        state=Invoice.State.PAID, paid_at__gte=days.begin, paid_at__lt=days.end
    ).order_by()
    rows = (
        paid.annotate(day=TruncDate("paid_at", tzinfo=UTC))
        .values_list("day", "plan", "currency")
        .annotate(amount=Sum(F("paid") - F("tax")))
    )
    return [Receipts(*row) for row in rows]


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
