"""Invoices of our own: numbered without gaps, exact, and the receipt once they are paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing.models import Invoice, InvoiceLine, InvoiceNumber, Order
from billing.periods import Period

PAYABLE_WITHIN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Line:
    """One line; a credit is below zero."""

    description: str
    amount: Decimal


def issue(*, order: Order, lines: Sequence[Line], period: Period | None) -> Invoice:
    """Write the invoice of an order, open, in the caller's transaction: a number is never lost.

    `period` is the time it is for; None where that begins with the payment.
    """
    now = timezone.now()
    total = sum((line.amount for line in lines), Decimal(0))
    invoice = Invoice.objects.create(
        user_id=order.user_id,
        number=_next_number(now),
        provider=order.provider,
        order=order,
        plan=order.plan_id,
        currency=order.currency,
        subtotal=total,
        total=total,
        period_start=period.start if period else None,
        period_end=period.end if period else None,
        issued_at=now,
        due_at=now + PAYABLE_WITHIN,
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            position=position,
            description=line.description,
            amount=line.amount,
            period_start=period.start if period else None,
            period_end=period.end if period else None,
        )
        for position, line in enumerate(lines)
    )
    return invoice


def mark_paid(order: Order, period: Period) -> None:
    """Turn the order's open invoice into the receipt for the time that it has paid for."""
    times = {"period_start": period.start, "period_end": period.end}
    for invoice in order.invoices.filter(state=Invoice.State.OPEN):
        invoice.lines.filter(period_start=None).update(**times)
        Invoice.objects.filter(pk=invoice.pk).update(
            state=Invoice.State.PAID, paid=F("total"), paid_at=timezone.now(), **times
        )


def _next_number(now: datetime) -> str:
    assert transaction.get_connection().in_atomic_block
    InvoiceNumber.objects.bulk_create([InvoiceNumber(year=now.year)], ignore_conflicts=True)
    InvoiceNumber.objects.filter(year=now.year).update(last=F("last") + 1)
    return f"WQ-{now.year}-{InvoiceNumber.objects.get(year=now.year).last:06d}"
