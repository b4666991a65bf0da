"""What happens to a subscription: each verb is one locked transaction and one entry of the audit.

Whoever calls has the right to it: a verified payment, an act of staff, or the person's own wish to have less.
A verb that finds its effect in place, because its cause was reported twice or late, changes and writes nothing.
Times that end by themselves hold by the clock (`Subscription.status_at`); `pass_time` only notes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing import mails, rates
from billing.models import (
    GRACE,
    Interval,
    Invoice,
    MonthlyUsageQuota,
    Order,
    PlanLimit,
    ProviderName,
    Subscription,
    SubscriptionChange,
)
from billing.periods import Period
from billing.seeds import FREE

Status = Subscription.Status
By = SubscriptionChange.By


class StillBilled(Exception):
    """A provider goes on charging for the present plan: cancel that first."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Who changes a subscription, and why; `cause` names the order or event, and has its effect once."""

    by: SubscriptionChange.By
    actor: str = ""
    why: str = ""
    cause: str = ""

    @classmethod
    def person(cls, user_id: UUID, why: str, *, cause: str = "") -> Reason:
        """The person whose subscription it is."""
        return cls(By.PERSON, str(user_id), why, cause)

    @classmethod
    def staff(cls, user_id: UUID | None, why: str, *, cause: str = "") -> Reason:
        """A member of staff; None is the operator at the command line."""
        return cls(By.STAFF, str(user_id or "command line"), why, cause)

    @classmethod
    def provider(cls, name: str, why: str, *, cause: str = "") -> Reason:
        """A payment provider whose word was checked."""
        return cls(By.PROVIDER, name, why, cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was paid for: the plan, how it is billed, and the time that is paid (None: without end)."""

    plan: PlanLimit
    interval: str = Interval.MONTH
    provider: str = ""
    period: Period | None = None
    customer_ref: str = ""
    subscription_ref: str = ""
    is_trial: bool = False


def subscribe(*, user_id: UUID, terms: Terms, reason: Reason) -> Subscription:
    """Begin a plan at once. A paid time begins usage periods of its own: they count from its first day."""

    def act(subscription: Subscription) -> bool:
        _take_terms(subscription, terms)
        if terms.period:
            _restart_periods(subscription, terms.period.start)
        _drop_orders(user_id, but=reason.cause)
        mails.owe(user_id, "subscribed", about=str(subscription.version), plan=terms.plan.name)
        return True

    return _change(user_id, "subscribed", reason, act)


def upgrade(
    *, user_id: UUID, plan: PlanLimit, reason: Reason, interval: str = "", period: Period | None = None
) -> Subscription:
    """Move to a larger plan at once. The usage period goes on: what is used stays used.

    Only a new `interval` begins a new paid time, given as `period`, and with it a new usage period.
    """

    def act(subscription: Subscription) -> bool:
        restarts = bool(period and interval and interval != subscription.interval)
        if subscription.plan_id == plan.slug and not restarts:
            return False
        subscription.plan = plan
        subscription.cancel_at_period_end, subscription.pending_plan = False, None
        if restarts and period:
            subscription.interval = interval
            subscription.paid_from, subscription.paid_until = period.start, period.end
            if subscription.status == Status.PAST_DUE:
                subscription.status, subscription.grace_until = Status.ACTIVE, None
            _restart_periods(subscription, period.start)
        _drop_orders(user_id, but=reason.cause)
        return True

    return _change(user_id, "upgraded", reason, act)


def downgrade(*, user_id: UUID, plan: PlanLimit, reason: Reason) -> Subscription:
    """Choose a smaller plan for the end of the paid time; where nothing is paid for, it begins at once."""

    def act(subscription: Subscription) -> bool:
        if plan.slug in (subscription.plan_id, subscription.pending_plan_id):
            return False
        subscription.cancel_at_period_end = False
        if subscription.paid_until:
            subscription.pending_plan = plan
        else:
            subscription.plan, subscription.pending_plan = plan, None
        _drop_orders(user_id)
        return True

    return _change(user_id, "downgraded", reason, act)


def cancel(*, user_id: UUID, now: bool, reason: Reason) -> Subscription:
    """End the plan with its paid time, or `now`. Nothing that the person made is deleted."""

    def act(subscription: Subscription) -> bool:
        if _is_over(subscription):
            return False
        until = subscription.paid_until
        if now or until is None or until <= timezone.now():
            _end(subscription, Status.CANCELED)
            return True
        if subscription.cancel_at_period_end:
            return False
        subscription.cancel_at_period_end, subscription.pending_plan = True, None
        _drop_orders(user_id)
        about = f"{subscription.version}"
        mails.owe(user_id, "cancel_chosen", about=about, plan=subscription.plan.name, until=until)
        return True

    return _change(user_id, "canceled" if now else "cancel_chosen", reason, act)


def resume(*, user_id: UUID, reason: Reason) -> Subscription:
    """Take back a cancellation or a chosen smaller plan, while the paid time lasts."""

    def act(subscription: Subscription) -> bool:
        if not subscription.cancel_at_period_end and subscription.pending_plan_id is None:
            return False
        if _is_over(subscription):
            return False
        subscription.cancel_at_period_end, subscription.pending_plan = False, None
        return True

    return _change(user_id, "resumed", reason, act)


def payment_failed(*, user_id: UUID, due_at: datetime, reason: Reason) -> Subscription:
    """Begin seven days of grace for a time that was to be paid at `due_at`; nothing if it is paid by now."""

    def act(subscription: Subscription) -> bool:
        until = subscription.paid_until
        if (
            _is_over(subscription)
            or subscription.status == Status.PAST_DUE
            or until is None
            or until > due_at
        ):
            return False
        _begin_grace(subscription, max(timezone.now(), until) + GRACE)
        return True

    return _change(user_id, "payment_failed", reason, act)


def renewed(*, user_id: UUID, period: Period, reason: Reason, plan: PlanLimit | None = None) -> Subscription:
    """Note that a further time is paid for; one that lies before what is paid already changes nothing.

    `plan` is what the provider charged for, where it says so; else a chosen smaller plan begins here.
    """

    def act(subscription: Subscription) -> bool:
        if _is_over(subscription):
            return False
        if subscription.paid_until and period.end <= subscription.paid_until:
            return False
        chosen = plan or subscription.pending_plan
        if chosen:
            subscription.plan, subscription.pending_plan = chosen, None
        subscription.paid_from, subscription.paid_until = period.start, period.end
        subscription.status, subscription.grace_until = Status.ACTIVE, None
        about = period.end.isoformat()
        mails.owe(user_id, "renewed", about=about, plan=subscription.plan.name, until=period.end)
        return True

    return _change(user_id, "renewed", reason, act)


def end(*, user_id: UUID, status: str, reason: Reason) -> Subscription:
    """End the plan now, as canceled or expired: from here on the Free plan's limits hold."""

    def act(subscription: Subscription) -> bool:
        if _is_over(subscription):
            return False
        _end(subscription, status)
        return True

    return _change(user_id, status, reason, act)


def grant(*, user_id: UUID, plan: PlanLimit, reason: Reason) -> Subscription:
    """Put a person on a plan without payment and without end: an act of staff. The usage period goes on.

    Raises StillBilled where Stripe would go on charging for the present one.
    """

    def act(subscription: Subscription) -> bool:
        if subscription.subscription_ref:
            raise StillBilled
        same = subscription.plan_id == plan.slug and subscription.paid_until is None
        if same and subscription.status == Status.ACTIVE:
            return False
        _take_terms(subscription, Terms(plan=plan))
        _drop_orders(user_id)
        return True

    return _change(user_id, "granted", reason, act)


def start_trial(*, user_id: UUID, plan: PlanLimit, days: int, reason: Reason) -> Subscription:
    """Let a person try a plan for so many days without payment: an act of staff. It ends by itself."""
    now = timezone.now()
    terms = Terms(plan=plan, period=Period(now, now + timedelta(days=days)), is_trial=True)
    return subscribe(user_id=user_id, terms=terms, reason=reason)


def pass_time(*, user_id: UUID) -> Subscription:
    """Note what the clock has brought: an end, a missing payment, a smaller plan that begins."""
    now = timezone.now()

    def act(subscription: Subscription) -> bool:
        status = subscription.status_at(now)
        if status == subscription.status:
            if status not in Subscription.GRANTING or not subscription.pending_is_due(now):
                return False
            assert subscription.pending_plan
            subscription.plan, subscription.pending_plan = subscription.pending_plan, None
        elif status == Status.PAST_DUE:
            _begin_grace(subscription, subscription.grace_ends_at)
        else:
            _end(subscription, status)
        return True

    return _change(user_id, "time_passed", Reason(By.SYSTEM, why="The clock"), act)


# --- How a change is made ---------------------------------------------------------------------------


def _change(user_id: UUID, verb: str, reason: Reason, act: Callable[[Subscription], bool]) -> Subscription:
    """Let `act` change the locked subscription; where it did, store it together with the audit's entry."""
    with transaction.atomic():
        subscription = locked(user_id)
        changes = SubscriptionChange.objects.filter(user_id=user_id, verb=verb, cause=reason.cause)
        if reason.cause and changes.exists():
            return subscription
        before = subscription.plan_id, subscription.status
        if act(subscription):
            subscription.version += 1
            subscription.save()
            _note(subscription, verb, reason, before)
        rates.know(user_id, subscription.plan)
    return subscription


def locked(user_id: UUID) -> Subscription:
    """Return the person's subscription, locked until the transaction ends; a first call starts the Free one."""
    Subscription.objects.get_or_create(user_id=user_id, defaults={"plan_id": FREE})
    # Without a join: PostgreSQL looks again at a row it has waited for, but not for another plan to join to it.
    return Subscription.objects.select_for_update().get(user_id=user_id)


def _note(subscription: Subscription, verb: str, reason: Reason, before: tuple[str, str]) -> None:
    SubscriptionChange.objects.create(
        user_id=subscription.user_id,
        verb=verb,
        by=reason.by,
        actor=reason.actor[:64],
        why=reason.why[:300],
        cause=reason.cause[:128],
        plan_before=before[0],
        status_before=before[1],
        plan_after=subscription.plan_id,
        status_after=subscription.status,
        paid_until=subscription.paid_until,
    )


def _take_terms(subscription: Subscription, terms: Terms) -> None:
    subscription.plan, subscription.interval, subscription.provider = (
        terms.plan,
        terms.interval,
        terms.provider,
    )
    subscription.status = Status.TRIALING if terms.is_trial else Status.ACTIVE
    subscription.paid_from = terms.period.start if terms.period else None
    subscription.paid_until = terms.period.end if terms.period else None
    # Kept once it is known: the person may come back, and must be forgotten there when the account is erased.
    subscription.customer_ref = terms.customer_ref or subscription.customer_ref
    subscription.subscription_ref = terms.subscription_ref
    subscription.cancel_at_period_end, subscription.pending_plan, subscription.grace_until = False, None, None


def _restart_periods(subscription: Subscription, start: datetime) -> None:
    """Let usage periods count from `start`; the one that it falls into ends there, with all it has counted."""
    subscription.started_at = start
    running = MonthlyUsageQuota.objects.filter(user_id=subscription.user_id)
    running.filter(period_start__lt=start, period_end__gt=start).update(period_end=start)


def _begin_grace(subscription: Subscription, until: datetime) -> None:
    subscription.status, subscription.grace_until = Status.PAST_DUE, until
    about = until.isoformat()
    mails.owe(subscription.user_id, "payment_failed", about=about, plan=subscription.plan.name, until=until)


def _is_over(subscription: Subscription) -> bool:
    return subscription.status not in Subscription.GRANTING or subscription.plan_id == FREE


def _end(subscription: Subscription, status: str) -> None:
    about = str(subscription.version)
    mails.owe(subscription.user_id, "ended", about=about, plan=subscription.plan.name, status=status)
    subscription.plan = PlanLimit.objects.get(slug=FREE)
    subscription.status = status
    subscription.paid_from = subscription.paid_until = subscription.grace_until = None
    subscription.subscription_ref = ""
    subscription.cancel_at_period_end, subscription.pending_plan = False, None
    _drop_orders(subscription.user_id)


def _drop_orders(user_id: UUID, *, but: str = "") -> None:
    """Close open orders, which were made for another situation, and void their invoices."""
    orders = Order.objects.filter(user_id=user_id, state=Order.State.OPEN)
    for order in orders.exclude(pk=but) if but and _is_uuid(but) else orders:
        close_order(order, Order.State.CANCELED, note="superseded")


def close_order(order: Order, state: str, *, note: str = "") -> None:
    """Close an order unpaid and void what was asked for it; call it in a transaction."""
    order.state, order.note, order.closed_at = state, note[:200], timezone.now()
    order.save(update_fields=["state", "note", "closed_at"])
    ours = order.invoices.exclude(provider=ProviderName.STRIPE)  # Stripe says itself what becomes of its own
    ours.filter(state=Invoice.State.OPEN).update(state=Invoice.State.VOID)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
