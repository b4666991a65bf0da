"""How many people are on which plan at this moment: by the clock, as `billing.plans.subscription_for` tells for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.utils import timezone

from billing.models import GRACE, Subscription
from billing.seeds import FREE
from wisqu.accounts.models import User

_Status = Subscription.Status


@dataclass(frozen=True, slots=True)
class People:
    """How many are on a plan, and how many of them pay for it."""

    users: int
    paying: int


NOBODY = People(0, 0)


def count() -> dict[str, People]:
    """Return the people of each plan that has any. Who has no subscription yet is on Free."""
    rows = _held().values("held").annotate(users=Count("pk"), payers=Count("pk", filter=_pays()))
    found = {row["held"]: People(row["users"], row["payers"]) for row in rows.order_by()}
    without = User.objects.order_by().count() - sum(each.users for each in found.values())
    free = found.get(FREE, NOBODY)
    found[FREE] = People(free.users + without, free.paying)
    return found


def plans_of(user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the plan of each of these users."""
    ids = list(user_ids)
    held = _held().filter(user_id__in=ids).values_list("user_id", "held")
    return dict.fromkeys(ids, FREE) | dict(held)


def _held() -> QuerySet[Any, Any]:
    """Return the subscriptions with `held`: the plan whose limits hold now."""
    now = timezone.now()
    is_over = Q(paid_until__lte=now)
    in_grace = Q(grace_until__gt=now) | Q(grace_until=None, paid_until__gt=now - GRACE)
    ends_for_good = Q(cancel_at_period_end=True) | Q(status=_Status.TRIALING, provider="")
    granting = Q(status__in=Subscription.GRANTING)
    gone = ~granting | (is_over & (ends_for_good | ~in_grace))
    return Subscription.objects.annotate(
        held=Case(
            When(gone, then=Value(FREE)),
            When(is_over & Q(pending_plan__isnull=False), then=F("pending_plan_id")),
            default=F("plan_id"),
            output_field=CharField(),
        )
    )


def _pays() -> Q:
    """Return the condition that somebody takes money for what is held."""
    return ~Q(held=FREE) & ~Q(provider="") & ~Q(status=_Status.TRIALING)
