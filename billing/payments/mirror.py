"""Bring our books to what Stripe says: subscriptions and invoices, always asked for anew, never taken from a report.

Two readers may hold answers of different age. Each notes the version of our row before it asks, and writes only if the
row still has it; so what is written was asked for after the last change was written, whichever report came first.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing import subscriptions
from billing.models import Order, ProviderName, ProviderPrice, Subscription
from billing.payments import receipts
from billing.payments.base import ProviderUnavailable
from billing.payments.stripe import asking, is_missing
from billing.periods import Period
from billing.subscriptions import Reason, Status, Terms

log = logging.getLogger(__name__)

_ALIVE = frozenset({"trialing", "active", "past_due"})
_TRIES = 5


class NotOurs(Exception):
    """The object belongs to nobody here."""


class NeedsStaff(Exception):
    """Something that no rule covers; it waits for a person. The text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What Stripe says of a subscription."""

    ref: str
    customer: str
    status: str
    price: str
    period: Period
    cancels: bool
    is_paid: bool
    order: str
    ended_unpaid: bool

    @classmethod
    def read(cls, found: dict[str, Any]) -> Facts:
        """Read the answer; the bounds of the period are at the item in newer versions of the API."""
        item = found["items"]["data"][0]
        start = item.get("current_period_start") or found["current_period_start"]
        end = item.get("current_period_end") or found["current_period_end"]
        latest = found.get("latest_invoice") or {}
        why = (found.get("cancellation_details") or {}).get("reason")
        return cls(
            ref=found["id"],
            customer=found["customer"],
            status=found["status"],
            price=(item.get("price") or item["plan"])["id"],
            period=Period(moment(start), moment(end)),
            cancels=bool(found.get("cancel_at_period_end")),
            is_paid=found["status"] == "trialing" or latest.get("status") == "paid",
            order=(found.get("metadata") or {}).get("order", ""),
            ended_unpaid=why == "payment_failed",
        )


def moment(seconds: int) -> datetime:
    """Return the moment that a number of seconds stands for."""
    return datetime.fromtimestamp(seconds, UTC)


def sync(ref: str) -> None:
    """Bring the person's subscription to how Stripe's stands. Raises NotOurs, NeedsStaff, ProviderUnavailable."""
    user_id = owner(Q(subscription_ref=ref)) or owner(Q(customer_ref=_fetch(ref)["customer"]))
    if user_id is None:
        raise NotOurs
    for _ in range(_TRIES):
        version = Subscription.objects.values_list("version", flat=True).get(user_id=user_id)
        found = _fetch(ref)
        if _apply(user_id, Facts.read(found), version):
            if isinstance(found.get("latest_invoice"), dict):
                receipts.keep(user_id, found["latest_invoice"])
            return
    raise ProviderUnavailable  # somebody changes it all the time: a later try will do


def sync_session(ref: str) -> None:
    """Note what became of a Checkout session."""
    with asking() as api:
        session = api.checkout.sessions.retrieve(ref).to_dict()
    if session.get("status") == "complete" and session.get("subscription"):
        sync(session["subscription"])
    elif session.get("status") == "expired":
        with transaction.atomic():
            for order in Order.objects.select_for_update().filter(provider_ref=ref, state=Order.State.OPEN):
                subscriptions.close_order(order, Order.State.CANCELED, note="expired")


def sync_invoice(ref: str) -> None:
    """Keep an invoice, and look at the subscription that it is for."""
    try:
        with asking() as api:
            found = api.invoices.retrieve(ref).to_dict()
    except ProviderUnavailable as error:
        if is_missing(error):
            raise NotOurs from error
        raise
    user_id = owner(Q(customer_ref=found["customer"]))
    if user_id is None:
        raise NotOurs
    receipts.keep(user_id, found)
    parent = (found.get("parent") or {}).get("subscription_details") or {}
    subscription = parent.get("subscription") or found.get("subscription")
    if subscription:
        sync(subscription)


def owner(which: Q) -> UUID | None:
    """Return whose subscription it is, among those at Stripe."""
    return Subscription.objects.filter(which).values_list("user_id", flat=True).first()


def _fetch(ref: str) -> dict[str, Any]:
    try:
        with asking() as api:
            return api.subscriptions.retrieve(ref, {"expand": ["latest_invoice"]}).to_dict()
    except ProviderUnavailable as error:
        if is_missing(error):
            raise NotOurs from error
        raise


def _apply(user_id: UUID, facts: Facts, version: int) -> bool:
    """Write what follows from the facts; False when the row changed since the version was noted."""
    with transaction.atomic():
        row = subscriptions.locked(user_id)
        if row.version != version:
            return False
        if row.customer_ref != facts.customer:
            raise NeedsStaff(f"{facts.ref} belongs to another customer")
        if row.subscription_ref == facts.ref:
            _change(row, facts)
        elif facts.status in _ALIVE and facts.is_paid:
            _begin(row, facts)
    return True


def _begin(row: Subscription, facts: Facts) -> None:
    """Begin what was paid for: the payment of its first invoice is what Stripe itself has just told."""
    if row.subscription_ref and row.grants_plan:
        raise NeedsStaff(f"{facts.ref} is paid beside {row.subscription_ref}: end one of them and refund it")
    price = _price(facts)
    terms = Terms(
        plan=price.plan,
        interval=price.interval,
        provider=ProviderName.STRIPE,
        period=facts.period,
        customer_ref=facts.customer,
        subscription_ref=facts.ref,
        is_trial=facts.status == "trialing",
    )
    order = Order.objects.filter(
        user_id=row.user_id, state=Order.State.OPEN, provider=ProviderName.STRIPE
    ).first()
    if order and facts.order == str(order.pk):
        order.state, order.closed_at = Order.State.PAID, facts.period.start
        order.save(update_fields=["state", "closed_at"])
    subscriptions.subscribe(user_id=row.user_id, terms=terms, reason=_because("Paid at Stripe"))


def _change(row: Subscription, facts: Facts) -> None:
    user_id = row.user_id
    if facts.status not in _ALIVE:
        if facts.status == "incomplete":
            return
        status = Status.CANCELED if facts.status == "canceled" and not facts.ended_unpaid else Status.EXPIRED
        subscriptions.end(user_id=user_id, status=status, reason=_because(f"Ended at Stripe: {facts.status}"))
        return
    price = _price(facts)
    if facts.status != "past_due" and facts.is_paid and _is_next(row, facts):
        because = _because("Paid at Stripe")
        row = subscriptions.renewed(user_id=user_id, period=facts.period, plan=price.plan, reason=because)
    elif facts.status == "past_due":
        because = _because("Stripe could not take the payment")
        row = subscriptions.payment_failed(user_id=user_id, due_at=facts.period.start, reason=because)
    row = _follow_price(row, facts, price)
    if facts.cancels and not row.cancel_at_period_end:
        subscriptions.cancel(user_id=user_id, now=False, reason=_because("Canceled at Stripe"))
    elif row.cancel_at_period_end and not facts.cancels:
        subscriptions.resume(user_id=user_id, reason=_because("Resumed at Stripe"))


def _is_next(row: Subscription, facts: Facts) -> bool:
    """Tell whether the facts are of a later time than the paid one, not of one that begins anew by an upgrade."""
    return bool(row.paid_until and facts.period.start >= row.paid_until)


def _follow_price(row: Subscription, facts: Facts, price: ProviderPrice) -> Subscription:
    """A dearer price is followed once it is paid, a cheaper one when its time comes."""
    user_id, plan, period = row.user_id, price.plan, facts.period
    restarts = price.interval != row.interval
    if plan == row.plan and not restarts:
        if row.pending_plan_id:
            return subscriptions.resume(
                user_id=user_id, reason=_because("The plan was chosen again at Stripe")
            )
        return row
    if plan.price_usd < row.plan.price_usd and not restarts:
        return subscriptions.downgrade(user_id=user_id, plan=plan, reason=_because("Chosen at Stripe"))
    if not facts.is_paid:
        return row
    because = _because("Paid at Stripe")
    return subscriptions.upgrade(
        user_id=user_id, plan=plan, interval=price.interval, period=period, reason=because
    )


def _price(facts: Facts) -> ProviderPrice:
    price = ProviderPrice.objects.select_related("plan").filter(pk=facts.price).first()
    if price is None:
        raise NeedsStaff(f"{facts.ref} has the price {facts.price}, which is no plan's")
    return price


def _because(why: str) -> Reason:
    return Reason.provider(ProviderName.STRIPE, why)
