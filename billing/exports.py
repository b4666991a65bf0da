"""What a person takes along of billing: plan, usage periods, and what each answer was booked at."""

from __future__ import annotations

from typing import Any

from billing.models import LedgerEntry, MonthlyUsageQuota
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


def billing_of(user: User) -> dict[str, Any]:
    """Return plan, periods and ledger entries, oldest first."""
    subscription = subscription_for(user.pk)
    return {
        "plan": subscription.plan_id,
        "status": subscription.status,
        "since": subscription.started_at,
        "periods": list(
            MonthlyUsageQuota.objects.filter(user=user).order_by("period_start").values(*_PERIOD)
        ),
        "entries": list(LedgerEntry.objects.filter(user=user).order_by("created_at").values(*_ENTRY)),
    }
