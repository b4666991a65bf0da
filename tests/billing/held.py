"""Short ways to hold, settle and count in tests."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from billing import quota
from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit, Reservation
from billing.quota import Amounts, EntryFacts

ONE_MESSAGE = Amounts(messages=1)


def hold(
    user: Any, amounts: Amounts = ONE_MESSAGE, *, minutes: int = 15, at_least: Amounts | None = None
) -> UUID:
    """Hold the amounts and return the key."""
    key, lifetime = uuid4(), timedelta(minutes=minutes)
    with transaction.atomic():
        quota.reserve(user_id=user.pk, amounts=amounts, key=key, lifetime=lifetime, at_least=at_least)
    return key


def settle(key: UUID, charge: Amounts = ONE_MESSAGE, **facts: Any) -> LedgerEntry:
    """Settle the hold as a chat answer."""
    with transaction.atomic():
        entry = EntryFacts(kind=LedgerEntry.Kind.CHAT, **facts)
        return quota.settle(key=key, charge=charge, entry=entry)


def release(key: UUID) -> bool:
    """Let the hold go."""
    with transaction.atomic():
        return quota.release(key=key)


def record(user: Any, charge: Amounts, **facts: Any) -> LedgerEntry:
    """Charge without a hold, as a title."""
    with transaction.atomic():
        entry = EntryFacts(kind=LedgerEntry.Kind.TITLE, **facts)
        return quota.record(user_id=user.pk, charge=charge, entry=entry)


def counters(user: Any) -> MonthlyUsageQuota:
    """Return the newest usage period of the user."""
    return MonthlyUsageQuota.objects.filter(user=user).latest("period_start")


def limit_to(plan: str, **limits: int | None) -> None:
    """Change a plan as staff would."""
    PlanLimit.objects.filter(slug=plan).update(**limits)


def state(key: UUID) -> str:
    """Return the state of the hold."""
    return Reservation.objects.get(key=key).state
