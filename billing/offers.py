"""What choosing each plan would mean for a person now: what is paid, when it begins. Nothing here changes anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from billing.errors import PlanRefused
from billing.invoices import Line
from billing.models import Interval, Order, PlanLimit, Subscription
from billing.orders import is_paying, quote


class Step(StrEnum):
    """What a plan's button does."""

    PRESENT = "present"
    NEXT = "next"
    START = "start"
    UPGRADE = "upgrade"
    TO_YEARLY = "to_yearly"
    PAY = "pay"
    DOWNGRADE = "downgrade"
    CANCEL = "cancel"
    NONE = "none"


_STEPS = {
    Order.Kind.START.value: Step.START,
    Order.Kind.UPGRADE.value: Step.UPGRADE,
    Order.Kind.RENEWAL.value: Step.PAY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One plan as it is offered to one person. `amount` is due now, in USD; `refusal` says why there is no button."""

    plan: PlanLimit
    interval: str
    step: Step
    is_present: bool
    lines: tuple[Line, ...] = ()
    amount: Decimal = Decimal(0)
    begins_at: datetime | None = None
    refusal: str = ""

    @property
    def price(self) -> Decimal:
        """What the interval costs, in USD."""
        return self.plan.price(self.interval) or Decimal(0)


def offer(subscription: Subscription, plan: PlanLimit, interval: str) -> Offer:
    """Return what choosing the plan means; a plan that is not sold by the interval is offered by the month."""
    if plan.price(interval) is None or plan.is_free:
        interval = Interval.MONTH
    is_present = plan.pk == subscription.plan.pk
    if plan.is_free:
        return _free(subscription, plan, interval, is_present=is_present)
    if plan.pk == subscription.pending_plan_id:
        return Offer(
            plan=plan, interval=interval, step=Step.NEXT, is_present=False, begins_at=subscription.paid_until
        )
    try:
        found = quote(subscription, plan, interval)
    except PlanRefused as refusal:
        is_quiet = refusal.code == "already_on_plan" and is_present
        return Offer(
            plan=plan,
            interval=interval,
            step=Step.PRESENT if is_present else Step.NONE,
            is_present=is_present,
            refusal="" if is_quiet else refusal.detail,
        )
    step = _STEPS[found.kind] if found.kind else Step.DOWNGRADE
    if step == Step.UPGRADE and is_present:
        step = Step.TO_YEARLY
    begins_at = subscription.paid_until if step == Step.DOWNGRADE else None
    return Offer(
        plan=plan,
        interval=interval,
        step=step,
        is_present=is_present,
        lines=found.lines,
        amount=found.amount,
        begins_at=begins_at,
    )


def _free(subscription: Subscription, plan: PlanLimit, interval: str, *, is_present: bool) -> Offer:
    if is_present:
        step = Step.PRESENT
    elif subscription.cancel_at_period_end:
        step = Step.NEXT
    else:
        step = Step.CANCEL
    return Offer(
        plan=plan, interval=interval, step=step, is_present=is_present, begins_at=subscription.paid_until
    )


def interval_of(subscription: Subscription, asked: str) -> str:
    """Return the interval to show: the asked one, else the present one of somebody who pays."""
    if asked in Interval.values:
        return asked
    return subscription.interval if is_paying(subscription) else Interval.MONTH.value
