"""What time brings to subscriptions: renewals that are ours to make, ends, reminders. Run as often as you like.

Plans end by the clock whether or not this runs (`Subscription.status_at`); here it is noted, told and collected.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation

from billing import invoices, mails, orders, subscriptions
from billing.models import Order, PlanLimit, ProviderName, Subscription
from billing.payments.base import provider
from billing.payments.sandbox import Answer
from billing.prices import next_period
from billing.subscriptions import Reason, Status
from wisqu.api.problems import Problem

log = logging.getLogger(__name__)

# How long before the end of the paid time an invoice for the next one is written.
INVOICED_BEFORE = timedelta(days=7)


def pass_time() -> int:
    """Renew, end and remind where it is time; return how many subscriptions were looked at."""
    now = timezone.now()
    _invoice_coming(now)
    due = Subscription.objects.filter(status__in=Subscription.GRANTING).filter(
        Q(paid_until__lte=now) | Q(grace_until__lte=now)
    )
    people = list(due.values_list("user_id", flat=True))
    for user_id in people:
        try:
            _pass_time_of(user_id)
        except Problem:
            log.exception("a subscription that is due has to wait", extra={"user_id": str(user_id)})
    mails.owe_reminders(now)
    return len(people)


def _pass_time_of(user_id: UUID) -> None:
    subscription = Subscription.objects.select_related("plan", "user").get(user_id=user_id)
    if subscription.subscription_ref:
        # A report may have been lost: whoever has paid keeps the plan.
        provider(subscription.provider).refresh(subscription=subscription)
        subscription.refresh_from_db()
    status = subscription.status_at(timezone.now())
    if status == Status.EXPIRED and subscription.subscription_ref:
        # Whoever is not paid for seven days stops asking for money, too.
        provider(subscription.provider).cancel(subscription=subscription, now=True)
    if (
        _is_sandboxed(subscription)
        and status in Subscription.GRANTING
        and subscription.status != Status.PAST_DUE
    ):
        _charge_in_sandbox(subscription)
    subscriptions.pass_time(user_id=user_id)


def _is_sandboxed(subscription: Subscription) -> bool:
    return settings.DEBUG and subscription.provider == ProviderName.SANDBOX


def _charge_in_sandbox(subscription: Subscription) -> None:
    """Play the bank on the day of renewal: it answers as the person chose when the subscription was paid."""
    paid = (
        Order.objects.filter(user_id=subscription.user_id, state=Order.State.PAID)
        .order_by("-closed_at")
        .first()
    )
    order = renewal_order(subscription.user_id, before=timezone.now())
    if order is None:
        return
    cause = str(order.pk)
    if paid and paid.note == Answer.PAY_ONCE:
        reason = Reason.provider(ProviderName.SANDBOX, "The card was declined", cause=cause)
        orders.decline(order_id=order.pk, why=Answer.DECLINE, reason=reason)
    else:
        reason = Reason.provider(ProviderName.SANDBOX, "Renewed", cause=cause)
        orders.confirm(order_id=order.pk, reason=reason)


def _invoice_coming(now: datetime) -> None:
    """Write the invoices of manual subscriptions whose paid time is about to end."""
    soon = Subscription.objects.filter(
        provider=ProviderName.MANUAL,
        status__in=(Status.ACTIVE, Status.PAST_DUE),
        cancel_at_period_end=False,
        paid_until__lte=now + INVOICED_BEFORE,
    ).exclude(user__orders__state=Order.State.OPEN)
    for user_id in list(soon.values_list("user_id", flat=True)):
        renewal_order(user_id, before=now + INVOICED_BEFORE)


def renewal_order(user_id: UUID, *, before: datetime) -> Order | None:
    """Return the order of the next time, written with its invoice, for the plan that it will be on.

    None where the paid time lasts beyond `before` (somebody else was faster), or another order waits for staff.
    """
    with transaction.atomic():
        subscription = subscriptions.locked(user_id)
        until, plan = subscription.paid_until, subscription.pending_plan or subscription.plan
        if until is None or until > before or subscription.cancel_at_period_end or plan.is_free:
            return None
        waiting = Order.objects.filter(user_id=user_id, state=Order.State.OPEN).first()
        if waiting and waiting.kind == Order.Kind.RENEWAL:
            return waiting
        if waiting and waiting.provider == ProviderName.MANUAL:
            return None  # the money for it may be on its way
        if waiting:
            subscriptions.close_order(waiting, Order.State.CANCELED, note="superseded")
        return _write_renewal(subscription, plan, until)


def _write_renewal(subscription: Subscription, plan: PlanLimit, until: datetime) -> Order | None:
    price = plan.price(subscription.interval)
    if price is None:
        return None
    order = Order.objects.create(
        user_id=subscription.user_id,
        plan=plan,
        interval=subscription.interval,
        kind=Order.Kind.RENEWAL,
        provider=subscription.provider,
        amount=price,
    )
    period = next_period(subscription.interval, subscription.started_at, until)
    with translation.override(subscription.user.language):
        line = invoices.Line(orders.title(plan, subscription.interval), price)
    invoice = invoices.issue(order=order, lines=(line,), period=period)
    if subscription.provider == ProviderName.MANUAL:
        owed = f"{invoice.total:.2f} {invoice.currency}"
        values = {"plan": plan.name, "number": invoice.number, "total": owed, "until": until}
        mails.owe(subscription.user_id, "invoice_due", about=invoice.number, **values)
    return order
