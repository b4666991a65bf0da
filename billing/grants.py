"""Extra quota: what staff give one person on top of the plan's limits, until the usage period ends."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing.amounts import LARGEST, MEASURES
from billing.models import MonthlyUsageQuota, QuotaGrant
from billing.plans import subscription_for


class BadGrant(Exception):
    """There is no such measure, the amount is nothing or absurd, or more is taken back than was given."""


@transaction.atomic
def grant_extra(*, user_id: UUID, measure: str, amount: int, staff_id: UUID | None, why: str) -> QuotaGrant:
    """Raise (below zero: lower again) what the person's present usage period holds, and keep the note of it.

    Audio in seconds. It holds from the next question on. Raises BadGrant.
    """
    if measure not in MEASURES or not 0 < abs(amount) <= LARGEST or not why.strip():
        raise BadGrant
    period = subscription_for(user_id).period(timezone.now())
    row = MonthlyUsageQuota(user_id=user_id, period_start=period.start, period_end=period.end)
    MonthlyUsageQuota.objects.bulk_create([row], ignore_conflicts=True)
    column = f"extra_{measure}"
    mine = MonthlyUsageQuota.objects.filter(user_id=user_id, period_start=period.start)
    bounds = {f"{column}__gte": -amount, f"{column}__lte": LARGEST - amount}
    if not mine.filter(**bounds).update(**{column: F(column) + amount}):
        raise BadGrant
    return QuotaGrant.objects.create(
        user_id=user_id,
        period_start=period.start,
        measure=measure,
        amount=amount,
        staff_id=staff_id,
        why=why[:300],
    )
