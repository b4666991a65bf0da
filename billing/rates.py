"""How many requests a minute a person's plan holds, as every request asks it: mostly without a query."""

from __future__ import annotations

import time
from uuid import UUID

from billing.models import PlanLimit, Subscription
from billing.seeds import FREE, PLANS
from wisqu.api import rows

FRESH_S = 15.0
_MOST_KNOWN = 50_000
# Before anybody has seeded plans: as the product ships.
_UNSEEDED = next(int(plan["requests_per_minute"]) for plan in PLANS if plan["slug"] == FREE)

_known: dict[UUID, tuple[int, float]] = {}


def know(user_id: UUID, plan: PlanLimit) -> None:
    """Take note of the plan that holds for the user; whoever has it at hand saves a later query."""
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[user_id] = plan.requests_per_minute, time.monotonic()


def requests_per_minute(user_id: UUID, *, max_age_s: float = FRESH_S) -> int:
    """Return how many requests a minute the user has, as it was at most `max_age_s` seconds ago."""
    rate, known_at = _known.get(user_id, (0, 0.0))
    if known_at and time.monotonic() - known_at < max_age_s:
        return rate
    plan = _plan_of(user_id)
    if plan is None:
        return _UNSEEDED
    know(user_id, plan)
    return plan.requests_per_minute


def _plan_of(user_id: UUID) -> PlanLimit | None:
    """Return the plan without starting a subscription: a look must not write."""
    from billing.plans import hold_to_the_clock  # which itself tells this module what it has read

    subscription = rows.find(Subscription, related="plan", user_id=user_id)
    if subscription is None:
        return rows.find(PlanLimit, slug=FREE)
    hold_to_the_clock(subscription)
    return subscription.plan
