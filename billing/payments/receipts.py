"""Stripe's invoices in our books: exact amounts, in the currency they were charged in."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.models import Invoice, InvoiceLine, ProviderName, Subscription

# Stripe counts in the smallest unit, which is not everywhere a hundredth.
_WHOLE = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
_THOUSANDTHS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
# What has ended stays ended, even if an older answer comes late.
_ENDED = frozenset({Invoice.State.PAID, Invoice.State.VOID})


def amount(smallest: int | None, currency: str) -> Decimal:
    """Return an amount in units of the currency."""
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    return Decimal(smallest or 0).scaleb(-places)


def keep(user_id: UUID, found: dict[str, Any]) -> Invoice:
    """Write or bring up to date one invoice, as Stripe tells it."""
    with transaction.atomic():
        Subscription.objects.select_for_update().get(user_id=user_id)
        known = Invoice.objects.filter(provider=ProviderName.STRIPE, provider_ref=found["id"]).first()
        if known and known.state in _ENDED and found["status"] in ("draft", "open"):
            return known
        values = _values(user_id, found)
        invoice, _ = Invoice.objects.update_or_create(
            provider=ProviderName.STRIPE, provider_ref=found["id"], defaults=values
        )
        invoice.lines.all().delete()
        lines = found["lines"]["data"]
        InvoiceLine.objects.bulk_create(_line(invoice, position, line) for position, line in enumerate(lines))
    return invoice


def _values(user_id: UUID, found: dict[str, Any]) -> dict[str, Any]:
    currency = found["currency"].upper()
    moments = found.get("status_transitions") or {}
    issued = moments.get("finalized_at") or found.get("created") or found.get("date")
    paid_at = moments.get("paid_at") or (issued if found["status"] == "paid" else None)
    taxes = found.get("total_taxes") or found.get("total_tax_amounts") or []
    return {
        "user_id": user_id,
        "number": found.get("number") or found["id"],
        "state": found["status"],
        "plan": Subscription.objects.values_list("plan_id", flat=True).get(user_id=user_id),
        "currency": currency,
        "subtotal": amount(found["subtotal"], currency),
        "tax": amount(sum(tax["amount"] for tax in taxes), currency),
        "total": amount(found["total"], currency),
        "paid": amount(found["amount_paid"], currency),
        "period_start": _moment(found.get("period_start")),
        "period_end": _moment(found.get("period_end")),
        "issued_at": _moment(issued),
        "due_at": _moment(found.get("due_date")),
        "paid_at": _moment(paid_at),
    }


def _line(invoice: Invoice, position: int, line: dict[str, Any]) -> InvoiceLine:
    period = line.get("period") or {}
    return InvoiceLine(
        invoice=invoice,
        position=position,
        description=(line.get("description") or "WisQu")[:500],
        quantity=line.get("quantity") or 1,
        amount=amount(line["amount"], invoice.currency),
        period_start=_moment(period.get("start")),
        period_end=_moment(period.get("end")),
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
