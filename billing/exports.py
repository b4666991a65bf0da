"""What a person takes along of billing: plan, usage periods, and what each answer was booked at."""

from __future__ import annotations

from typing import Any

from billing.models import Invoice, InvoiceLine, LedgerEntry, MonthlyUsageQuota, SubscriptionChange
from billing.plans import subscription_for
from wisqu.accounts.models import User

_PERIOD = ("period_start", "period_end", "used_messages", "used_tokens", "used_images", "used_documents",
           "used_audio_seconds", "cost_usd", "cache_savings_usd")  # fmt: skip
_ENTRY = (
    "created_at",
    "kind",
    "model",
    "messages",
    "tokens",
    "images",
    "documents",
    "audio_seconds",
    "cost_usd",
)


_CHANGE = ("created_at", "verb", "by", "why", "plan_before", "plan_after", "status_after", "paid_until")
_INVOICE = ("number", "issued_at", "state", "plan", "currency", "total", "paid", "paid_at")


def billing_of(user: User) -> dict[str, Any]:
    """Return plan, changes, invoices, periods and ledger entries, oldest first."""
    subscription = subscription_for(user.pk)
    return {
        "plan": subscription.plan_id,
        "status": subscription.status,
        "since": subscription.started_at,
        "periods": list(
            MonthlyUsageQuota.objects.filter(user=user).order_by("period_start").values(*_PERIOD)
        ),
        "changes": list(SubscriptionChange.objects.filter(user=user).order_by("created_at").values(*_CHANGE)),
        "invoices": [
            {name: getattr(invoice, name) for name in _INVOICE}
            | {"lines": [_line(line) for line in invoice.lines.all()]}
            for invoice in Invoice.objects.filter(user=user).order_by("issued_at").prefetch_related("lines")
        ],
        "entries": list(LedgerEntry.objects.filter(user=user).order_by("created_at").values(*_ENTRY)),
    }


def _line(line: InvoiceLine) -> dict[str, Any]:
    return {"description": line.description, "quantity": line.quantity, "amount": line.amount}
