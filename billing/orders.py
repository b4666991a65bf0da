"""What people ask for: subscribe, change, cancel, resume, pay. Pages and API call these; providers are asked here.

Nothing here gives a plan to anybody by itself. A wish that costs money becomes an order, or goes to the provider that
keeps the subscription; `billing.payments` and staff (`approve`) say when it is paid, and `confirm` acts on it, once.
Providers are asked outside transactions, before the change is noted here: if they fail, nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import invoices, subscriptions
from billing.errors import PlanRefused
from billing.invoices import Line
from billing.models import Interval, Order, PlanLimit, ProviderName, Subscription
from billing.payments.base import ReturnUrls, provider
from billing.periods import Period
from billing.plans import subscription_for
from billing.prices import cents, first_period, next_period, share_left
from billing.subscriptions import Reason, Terms
from wisqu.accounts.models import User
from wisqu.api.problems import NotFound

Kind = Order.Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a wish: the subscription as it stands, and where to go to pay, if that is needed."""

    subscription: Subscription
    pay_at: str | None = None
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a change costs now; `kind` None is a smaller plan, which begins when the paid time ends."""

    kind: str | None
    lines: tuple[Line, ...] = ()
    period: Period | None = None

    @property
    def amount(self) -> Decimal:
        """What has to be paid now, in USD."""
        return max(Decimal(0), sum((line.amount for line in self.lines), Decimal(0)))


def choose(*, user: User, plan: PlanLimit, interval: str = "", urls: ReturnUrls) -> Outcome:
    """Begin, enlarge, shrink or pay for a subscription, whatever choosing this plan means now.

    `interval` is month or year; empty keeps the present one. Raises PlanRefused (409) with what to do instead,
    PaymentDeclined (402) and ProviderUnavailable (503).
    """
    subscription = _up_to_date(user.pk)
    if plan.is_free:
        if subscription.plan.is_free:
            raise PlanRefused("already_on_plan", _("You are on this plan already."))
        return Outcome(cancel(user=user, now=False))
    interval = interval or (subscription.interval if is_paying(subscription) else Interval.MONTH)
    wanted = quote(subscription, plan, interval)
    keeper = (
        provider(subscription.provider) if is_paying(subscription) else provider(settings.BILLING_PROVIDER)
    )
    if wanted.kind is None:
        keeper.change_plan(subscription=subscription, plan=plan, interval=interval, at_once=False)
        reason = Reason.person(user.pk, "Chose a smaller plan")
        return Outcome(subscriptions.downgrade(user_id=user.pk, plan=plan, reason=reason))
    if keeper.keeps_subscriptions and wanted.kind == Kind.UPGRADE:
        keeper.change_plan(subscription=subscription, plan=plan, interval=interval, at_once=True)
        return Outcome(subscription_for(user.pk))
    if keeper.keeps_subscriptions and wanted.kind == Kind.RENEWAL:
        return Outcome(subscription, portal(user=user, return_url=urls.left))
    order = _place(user, plan, interval, wanted, keeper.name)
    pay_at = keeper.start_checkout(order=order, urls=urls)
    return Outcome(subscription_for(user.pk), pay_at, order)


def _up_to_date(user_id: UUID) -> Subscription:
    """Return the subscription; one that is over by the clock is first ended at its provider, and in our books."""
    subscription = subscription_for(user_id)
    if subscription.subscription_ref and not subscription.grants_plan:
        keeper = provider(subscription.provider)
        keeper.refresh(subscription=subscription)
        subscription = subscription_for(user_id)
        if subscription.subscription_ref and not subscription.grants_plan:
            keeper.cancel(subscription=subscription, now=True)
            subscriptions.pass_time(user_id=user_id)
            subscription = subscription_for(user_id)
    return subscription


def quote(subscription: Subscription, plan: PlanLimit, interval: str) -> Quote:
    """Tell what choosing the plan means and costs now; writes nothing. Raises PlanRefused."""
    price = plan.price(interval)
    if price is None or plan.is_free:
        raise PlanRefused("interval_not_offered", _("This plan is not sold that way."))
    if not is_paying(subscription):
        return _start(subscription, plan, interval, price)
    assert subscription.paid_until
    if subscription.status == Subscription.Status.PAST_DUE or timezone.now() >= subscription.paid_until:
        return _renewal(subscription, plan, interval, price)
    present = subscription.plan
    if interval == Interval.MONTH and subscription.interval == Interval.YEAR:
        raise PlanRefused(
            "yearly_plan",
            _("A yearly plan stays yearly until its end. Cancel it for then, and choose again."),
        )
    if present == plan and interval == subscription.interval:
        raise PlanRefused("already_on_plan", _("You are on this plan already."))
    if plan.price_usd < present.price_usd:
        if interval != subscription.interval:  # a provider would begin the year, and charge for it, at once
            raise PlanRefused(
                "monthly_plan", _("A smaller plan begins by the month. Pay by the year once it has begun.")
            )
        return Quote(None)
    return _upgrade(subscription, plan, interval, price)


def is_paying(subscription: Subscription) -> bool:
    """Tell whether somebody pays, through a provider, for the plan that holds now."""
    return bool(subscription.provider and subscription.grants_plan and not subscription.plan.is_free)


def _start(subscription: Subscription, plan: PlanLimit, interval: str, price: Decimal) -> Quote:
    given = subscription.plan
    lasts = subscription.paid_until is None and not given.is_free
    if lasts and plan.price_usd <= given.price_usd:
        raise PlanRefused("already_on_plan", _("You have this plan, or a larger one, without paying."))
    return Quote(Kind.START, (Line(title(plan, interval), price),))


def _renewal(subscription: Subscription, plan: PlanLimit, interval: str, price: Decimal) -> Quote:
    if plan != subscription.plan or interval != subscription.interval:
        raise PlanRefused("payment_due", _("A payment is due. Pay it first, or cancel."))
    assert subscription.paid_until
    period = next_period(interval, subscription.started_at, subscription.paid_until)
    return Quote(Kind.RENEWAL, (Line(title(plan, interval), price),), period)


def _upgrade(subscription: Subscription, plan: PlanLimit, interval: str, price: Decimal) -> Quote:
    assert subscription.paid_from
    assert subscription.paid_until
    now, paid = timezone.now(), Period(subscription.paid_from, subscription.paid_until)
    share, present = share_left(paid, now), subscription.plan
    before = present.price(subscription.interval) or present.price_usd
    credit = Line(_("%(plan)s, unused time") % {"plan": present.name}, -cents(before * share))
    if interval != subscription.interval:  # a new year begins today
        return Quote(Kind.UPGRADE, (Line(title(plan, interval), price), credit), first_period(interval, now))
    rest = Line(_("%(plan)s, remaining time") % {"plan": plan.name}, cents(price * share))
    return Quote(Kind.UPGRADE, (rest, credit), Period(now, paid.end))


def title(plan: PlanLimit, interval: str) -> str:
    """Return how an invoice names what is sold."""
    return f"{plan.name} · {Interval(interval).label}"


def _place(user: User, plan: PlanLimit, interval: str, wanted: Quote, name: ProviderName) -> Order:
    """Write down the wish; an older open one of the person is given up for it."""
    _give_up(user.pk)
    assert wanted.kind
    with transaction.atomic():
        subscriptions.locked(user.pk)  # of two wishes at once the later one stays
        for old in Order.objects.filter(user=user, state=Order.State.OPEN):
            subscriptions.close_order(old, Order.State.CANCELED, note="superseded")
        order = Order.objects.create(
            user=user, plan=plan, interval=interval, kind=wanted.kind, provider=name, amount=wanted.amount
        )
        if not provider(name).keeps_subscriptions:  # the others write invoices themselves
            invoices.issue(order=order, lines=wanted.lines, period=wanted.period)
    return order


def _give_up(user_id: UUID) -> None:
    for order in Order.objects.filter(user_id=user_id, state=Order.State.OPEN):
        provider(order.provider).drop_checkout(order=order)


# --- Paid, or not -----------------------------------------------------------------------------------


def confirm(*, order_id: UUID, reason: Reason) -> bool:
    """Act on a verified payment of an order of ours; False when the order was closed already.

    The caller has verified the payment: a provider that answered, or staff who saw the money.
    """
    with transaction.atomic():
        user_id = Order.objects.values_list("user_id", flat=True).get(pk=order_id)
        subscription = subscriptions.locked(
            user_id
        )  # always before its orders, so that nobody waits in a circle
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.state != Order.State.OPEN:
            return False
        order.state, order.closed_at = Order.State.PAID, timezone.now()
        order.save(update_fields=["state", "closed_at"])
        invoices.mark_paid(order, _act_on(order, subscription, reason))
    return True


def _act_on(order: Order, subscription: Subscription, reason: Reason) -> Period:
    """Give what was paid for; return the time that it is for."""
    user_id, now = order.user_id, timezone.now()
    if order.kind == Kind.RENEWAL and subscription.paid_until:
        period = next_period(order.interval, subscription.started_at, subscription.paid_until)
        subscriptions.renewed(user_id=user_id, period=period, reason=reason)
        return period
    if order.kind == Kind.UPGRADE and subscription.paid_until:
        turned = order.interval != subscription.interval
        paid_for = Period(order.created_at, subscription.paid_until)  # what its price was worked out for
        period = first_period(order.interval, now) if turned else paid_for
        subscriptions.upgrade(
            user_id=user_id, plan=order.plan, interval=order.interval, period=period, reason=reason
        )
        return period
    period = first_period(order.interval, now)
    terms = Terms(plan=order.plan, interval=order.interval, provider=order.provider, period=period)
    subscriptions.subscribe(user_id=user_id, terms=terms, reason=reason)
    return period


def decline(*, order_id: UUID, why: str, reason: Reason) -> bool:
    """Close an order whose payment failed; one for a time that is due begins, or goes on with, the grace."""
    with transaction.atomic():
        user_id = Order.objects.values_list("user_id", flat=True).get(pk=order_id)
        subscription = subscriptions.locked(user_id)
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.state != Order.State.OPEN:
            return False
        subscriptions.close_order(order, Order.State.DECLINED, note=why)
        if order.kind == Kind.RENEWAL and subscription.paid_until:
            subscriptions.payment_failed(user_id=user_id, due_at=subscription.paid_until, reason=reason)
    return True


def approve(*, order_id: UUID, staff_id: UUID, why: str) -> bool:
    """Take an order as paid on the word of staff, who saw the money; False when it was closed already."""
    return confirm(order_id=order_id, reason=Reason.staff(staff_id, why, cause=str(order_id)))


# --- Less, or the same again ------------------------------------------------------------------------


def cancel(*, user: User, now: bool, reason: Reason | None = None) -> Subscription:
    """Cancel at the end of the paid time, or now; `reason` where it is not the person's own wish.

    Raises PlanRefused where there is nothing to cancel.
    """
    subscription = subscription_for(user.pk)
    if subscription.plan.is_free or not subscription.grants_plan:
        raise PlanRefused("nothing_to_cancel", _("You are on the Free plan: there is nothing to cancel."))
    _give_up(user.pk)
    if subscription.provider:
        provider(subscription.provider).cancel(subscription=subscription, now=now)
    why = "Canceled at once" if now else "Canceled at the end of the paid time"
    return subscriptions.cancel(user_id=user.pk, now=now, reason=reason or Reason.person(user.pk, why))


def resume(*, user: User) -> Subscription:
    """Take back a cancellation or a chosen smaller plan. Raises PlanRefused where there is none."""
    subscription = subscription_for(user.pk)
    if not subscription.cancel_at_period_end and subscription.pending_plan_id is None:
        raise PlanRefused("nothing_to_resume", _("Nothing was canceled."))
    if not subscription.grants_plan:
        raise PlanRefused("nothing_to_resume", _("The plan has ended. Choose one anew."))
    if subscription.provider:
        provider(subscription.provider).resume(subscription=subscription)
    return subscriptions.resume(user_id=user.pk, reason=Reason.person(user.pk, "Resumed"))


def portal(*, user: User, return_url: str) -> str:
    """Return where the person changes how they pay. Raises NotFound where there is no such place."""
    subscription = subscription_for(user.pk)
    url = None
    if subscription.customer_ref:
        url = provider(ProviderName.STRIPE).portal_url(subscription=subscription, return_url=return_url)
    if url is None:
        raise NotFound(detail=_("With this way of paying there is nothing to manage elsewhere."))
    return url


def refresh(*, user: User) -> None:
    """Ask the provider how things stand, for a person who comes back from paying before its report did."""
    subscription = subscription_for(user.pk)
    if subscription.provider:
        provider(subscription.provider).refresh(subscription=subscription)
    for order in Order.objects.filter(user=user, state=Order.State.OPEN):
        provider(order.provider).refresh_order(order=order)


def forget(user: User) -> None:
    """End what providers charge and know of a person whose account is about to be erased."""
    subscription = Subscription.objects.filter(user=user).exclude(customer_ref="").first()
    if subscription:
        provider(ProviderName.STRIPE).forget(subscription=subscription)
