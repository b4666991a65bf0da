"""What needs somebody: people near their limits, and work that waits longer than it should."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from analytics.plancounts import plans_of
from analytics.results import QuotaPressure, Waiting
from billing.amounts import MEASURES
from billing.models import (
    BillingMail,
    Invoice,
    MonthlyUsageQuota,
    PlanLimit,
    Reservation,
    Subscription,
    UsageWarning,
    WebhookEvent,
)
from billing.plans import shown_measure
from chat.models import Feedback, OwedGeneration, TitleJob, Turn
from chat.trust import Review
from imagery.models import GeneratedImage
from support.models import Ticket
from wisqu.accounts.models import User

# No usage period is longer than a month.
_PERIOD = timedelta(days=32)
# The newest of those who were warned; beyond, a list says nothing more to a person.
_MOST_CANDIDATES = 500


def quota_pressure(*, spent: bool = False, limit: int = 20) -> list[QuotaPressure]:
    """Return whose present usage period is nearly used up, 80 to 99 % of a measure, the fullest first.

    With `spent` those who have reached a limit instead. Found by the warnings that billing writes (`UsageWarning`),
    so nobody's counters are searched; what no longer holds, after an upgrade or a grant, is left out.
    """
    now = timezone.now()
    # Nobody is warned of a period before it begins: the second condition is what the index walks by.
    warned = UsageWarning.objects.filter(period_start__gt=now - _PERIOD, created_at__gt=now - _PERIOD)
    full = warned.filter(percent=UsageWarning.SPENT)
    if not spent:
        same = {name: OuterRef(name) for name in ("user_id", "period_start", "measure")}
        warned = warned.filter(~Exists(full.filter(**same)), percent=UsageWarning.NEARLY)
    candidates = list(
        (full if spent else warned)
        .order_by("-created_at")
        .values_list("user_id", "period_start", "measure")[:_MOST_CANDIDATES]
    )
    found = [each for each in _measured(candidates, now) if (each.percent >= 100) == spent]
    return sorted(found, key=lambda each: (-each.percent, each.email))[:limit]


def _measured(candidates: list[tuple[Any, datetime, str]], now: datetime) -> list[QuotaPressure]:
    """Return how things stand now for each (user, period, measure) whose period still runs; below 80 % it is none."""
    users = {user_id for user_id, _, _ in candidates}
    periods = MonthlyUsageQuota.objects.filter(user_id__in=users, period_start__lte=now, period_end__gt=now)
    quotas = {(quota.user_id, quota.period_start): quota for quota in periods}
    plans, plan_of = PlanLimit.objects.in_bulk(), plans_of(users)
    emails = dict(User.objects.filter(pk__in=users).values_list("pk", "email"))
    found = []
    for user_id, period_start, name in dict.fromkeys(candidates):
        quota, plan = quotas.get((user_id, period_start)), plans.get(plan_of[user_id])
        measure = next((each for each in MEASURES if name in (each, shown_measure(each))), "")
        limit = quota.limit(plan, measure) if quota and plan and measure else None
        if quota is None or not limit or 100 * quota.used(measure) < UsageWarning.NEARLY * limit:
            continue
        found.append(
            QuotaPressure(
                user_id=user_id,
                email=emails.get(user_id, ""),
                plan=plan_of[user_id],
                measure=measure,
                used=quota.used(measure),
                limit=limit,
            )
        )
    return found


def waiting() -> list[Waiting]:
    """Return what waits, each kind that has any; one small query a kind."""
    now = timezone.now()
    found = []
    for what, (field, rows) in _KINDS.items():
        counted = rows(now).order_by().aggregate(count=Count("pk"), oldest=Min(field))
        if counted["count"]:
            found.append(Waiting(what=what, count=counted["count"], oldest_at=counted["oldest"]))
    return found


def _is_old(field: str, now: datetime, **age: int) -> Q:
    return Q(**{f"{field}__lt": now - timedelta(**age)})


# What may wait, the column that tells since when, and which rows of it are too late by now.
_KINDS: dict[str, tuple[str, Callable[[datetime], QuerySet[Any]]]] = {
    "turns": (
        "started_at",
        lambda now: Turn.objects.filter(_is_old("heartbeat_at", now, minutes=1), status=Turn.Status.RUNNING),
    ),
    "titles": (
        "due_at",
        lambda now: TitleJob.objects.filter(
            _is_old("due_at", now, minutes=10), status__in=(TitleJob.Status.QUEUED, TitleJob.Status.RUNNING)
        ),
    ),
    "holds": (
        "expires_at",
        lambda now: Reservation.objects.filter(
            _is_old("expires_at", now, minutes=5), state=Reservation.State.HELD
        ),
    ),
    "costs": (
        "created_at",
        lambda now: OwedGeneration.objects.filter(_is_old("created_at", now, minutes=15)),
    ),
    "images": (
        "created_at",
        lambda now: GeneratedImage.objects.open().filter(_is_old("created_at", now, minutes=10)),
    ),
    "webhooks": (
        "received_at",
        lambda now: WebhookEvent.objects.filter(
            Q(state=WebhookEvent.State.FAILED)
            | (_is_old("received_at", now, minutes=10) & Q(state=WebhookEvent.State.RECEIVED))
        ),
    ),
    "mails": (
        "created_at",
        lambda now: BillingMail.objects.filter(_is_old("created_at", now, hours=1), sent_at=None),
    ),
    "payments": (
        "paid_until",
        lambda now: Subscription.objects.filter(status=Subscription.Status.PAST_DUE),
    ),
    "invoices": (
        "due_at",
        lambda now: Invoice.objects.filter(_is_old("due_at", now, seconds=0), state=Invoice.State.OPEN),
    ),
    "feedback": (
        "updated_at",
        lambda now: Feedback.objects.filter(handled_at=None, message__conversation__deleted_at=None),
    ),
    "reviews": (
        "opened_at",
        lambda now: Review.objects.filter(
            verdict="", message__conversation__deleted_at=None, message__conversation__is_temporary=False
        ),
    ),
    "tickets": ("created_at", lambda now: Ticket.objects.filter(status=Ticket.Status.WAITING)),
}
WAITING = tuple(_KINDS)
