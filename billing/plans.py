"""Which plan a user is on, what it allows, and how much of it is used."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from billing import rates, subscriptions
from billing.amounts import MEASURES
from billing.errors import FeatureRequired, PlansMissing
from billing.models import SECONDS_A_MINUTE, Feature, MonthlyUsageQuota, PlanLimit, Subscription
from billing.seeds import FREE, PLANS
from wisqu.api import rows


def subscription_for(user_id: UUID) -> Subscription:
    """Return the user's subscription with its plan, one query; a first call starts the Free one.

    A subscription that ended carries the Free plan. Raises PlansMissing on an unseeded database.
    """
    subscription = rows.find(Subscription, related="plan", user_id=user_id)
    if subscription is None:
        _free_plan()
        subscription, _ = Subscription.objects.select_related("plan").get_or_create(
            user_id=user_id, defaults={"plan_id": FREE}
        )
    hold_to_the_clock(subscription)
    rates.know(user_id, subscription.plan)
    return subscription


def hold_to_the_clock(subscription: Subscription) -> None:
    """Show, on this copy alone, what holds at this moment, whether or not a job has noted it yet."""
    if subscription.paid_until is None and subscription.grants_plan:
        return
    now = timezone.now()
    subscription.status = subscription.status_at(now)
    if not subscription.grants_plan:
        subscription.plan = _free_plan()
    elif subscription.pending_is_due(now) and subscription.pending_plan:
        subscription.plan, subscription.pending_plan = subscription.pending_plan, None


def plan_for(user_id: UUID) -> PlanLimit:
    """Return the plan whose limits hold for the user now."""
    return subscription_for(user_id).plan


def require_feature(plan: PlanLimit, feature: Feature) -> None:
    """Raise FeatureRequired (403) unless the plan has the feature."""
    if not plan.has(feature):
        raise FeatureRequired(feature=feature, plan=plan)


def put_on(*, user_id: UUID, plan: PlanLimit, staff_id: UUID | None = None, why: str = "") -> Subscription:
    """Put the user on the plan at once, without payment. The periods go on as they were: what is used stays used.

    An act of staff (None: at the command line) that the audit keeps. Raises StillBilled where a provider would
    go on charging for the present plan.
    """
    reason = subscriptions.Reason.staff(staff_id, why or "Put on the plan")
    return subscriptions.grant(user_id=user_id, plan=plan, reason=reason)


def seed(*, reset: bool) -> list[str]:
    """Write the plans that are missing, with `reset` also over those that exist; return their slugs."""
    written = []
    for values in PLANS:
        slug = values["slug"]
        if reset:
            PlanLimit.objects.update_or_create(slug=slug, defaults=values)
            written.append(slug)
        elif PlanLimit.objects.get_or_create(slug=slug, defaults=values)[1]:
            written.append(slug)
    return written


def usage(
    user_id: UUID, *, subscription: Subscription | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Return what GET /subscriptions/usage answers: each measure, money in USD, the bounds of the period."""
    subscription = subscription or subscription_for(user_id)
    period = subscription.period(now or timezone.now())
    quota = MonthlyUsageQuota.objects.filter(user_id=user_id, period_start=period.start).first()
    quota = quota or MonthlyUsageQuota(user_id=user_id, cost_usd=Decimal(0), cache_savings_usd=Decimal(0))
    report: dict[str, Any] = {}
    for measure in MEASURES:
        meter = _meter(quota, subscription.plan, measure)
        report[shown_measure(measure)] = _in_minutes(meter) if measure == "audio_seconds" else meter
    return report | {
        "total_cost_usd": quota.cost_usd,
        "cache_savings_usd": quota.cache_savings_usd,
        "period_start": period.start,
        "period_end": period.end,
    }


def shown_measure(measure: str) -> str:
    """Return what people call a measure: seconds of audio are counted, minutes are shown."""
    return "audio_minutes" if measure == "audio_seconds" else measure


def _meter(quota: MonthlyUsageQuota, plan: PlanLimit, measure: str) -> dict[str, int | None]:
    used, limit = quota.used(measure), quota.limit(plan, measure)
    left = None if limit is None else max(0, limit - used - quota.held(measure))
    return {"used": used, "limit": limit, "remaining": left}


def _in_minutes(meter: dict[str, int | None]) -> dict[str, int | None]:
    """Round use up and what is left down, so that the page never promises a minute that isn't there."""
    used, limit, left = meter["used"] or 0, meter["limit"], meter["remaining"]
    return {
        "used": math.ceil(used / SECONDS_A_MINUTE),
        "limit": None if limit is None else limit // SECONDS_A_MINUTE,
        "remaining": None if left is None else left // SECONDS_A_MINUTE,
    }


def _free_plan() -> PlanLimit:
    plan = PlanLimit.objects.filter(slug=FREE).first()
    if plan is None:
        raise PlansMissing("There are no plans yet. Run: manage.py seed_plans")
    return plan
