"""Stripe through its own SDK. What it then says is noted by `billing.payments.mirror`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import stripe
from django.conf import settings
from django.db import connection
from django.db.transaction import TransactionManagementError
from django.utils.translation import gettext as _

from billing.errors import PlanRefused
from billing.models import Interval, Order, PlanLimit, ProviderName, ProviderPrice, Subscription
from billing.payments.base import PaymentDeclined, ProviderUnavailable, ReturnUrls
from wisqu.accounts.models import User

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

log = logging.getLogger(__name__)

TIMEOUT_S = 10
# A Stripe that hangs may not take all threads of the process with it: so many wait for it, others so long for a turn.
AT_ONCE, TURN_WITHIN_S = 2, 5
CURRENCY = "usd"
MISSING = "resource_missing"


_turns = threading.BoundedSemaphore(AT_ONCE)


@cache
def _client(key: str, base: str) -> stripe.StripeClient:
    http = stripe.RequestsClient(timeout=TIMEOUT_S)
    return stripe.StripeClient(key, base_addresses={"api": base}, max_network_retries=1, http_client=http)


@contextmanager
def asking() -> Iterator[V1Services]:
    """Yield Stripe's API; its errors become ours. Raises TransactionManagementError inside a transaction."""
    blocks = cast(Any, connection).atomic_blocks
    if blocks and not blocks[-1]._from_testcase:
        raise TransactionManagementError("Stripe is never asked while a transaction is open.")
    if not _turns.acquire(timeout=TURN_WITHIN_S):
        raise ProviderUnavailable
    try:
        yield _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE.rstrip("/")).v1
    except stripe.CardError as error:
        raise PaymentDeclined from error
    except stripe.StripeError as error:
        log.error("stripe refused or is away", extra={"error": type(error).__name__, "code": error.code})
        raise ProviderUnavailable from error
    finally:
        _turns.release()


def is_missing(error: Exception) -> bool:
    """Tell whether Stripe said that there is no such object."""
    cause = error.__cause__
    return isinstance(cause, stripe.StripeError) and (cause.code == MISSING or cause.http_status == 404)


class Stripe:
    """Keeps subscriptions: it charges, tries again, and tells."""

    name = ProviderName.STRIPE
    keeps_subscriptions = True

    def start_checkout(self, *, order: Order, urls: ReturnUrls) -> str:
        """Return the address of a Checkout session for the order."""
        customer, price = customer_of(order.user), price_of(order.plan, order.interval)
        marks = {"order": str(order.pk)}
        with asking() as api:
            session = api.checkout.sessions.create(
                {
                    "mode": "subscription",
                    "customer": customer,
                    "client_reference_id": str(order.pk),
                    "line_items": [{"price": price, "quantity": 1}],
                    "success_url": urls.paid,
                    "cancel_url": urls.left,
                    "metadata": marks,
                    "subscription_data": {"metadata": marks},
                },
                {"idempotency_key": f"checkout-{order.pk}"},
            )
        Order.objects.filter(pk=order.pk).update(provider_ref=session.id)
        assert session.url
        return session.url

    def drop_checkout(self, *, order: Order) -> None:
        """Close the session, so that it can't be paid beside a later one. Raises PlanRefused when it was paid."""
        if not order.provider_ref:
            return
        with asking() as api:
            session = api.checkout.sessions.retrieve(order.provider_ref)
            if session.status == "open":
                api.checkout.sessions.expire(order.provider_ref)
        if session.status == "complete":
            self.refresh_order(order=order)
            raise PlanRefused("payment_arrived", _("Your payment has just arrived. Look again in a moment."))

    def change_plan(
        self, *, subscription: Subscription, plan: PlanLimit, interval: str, at_once: bool
    ) -> None:
        """Move to another price. At once: the difference is charged now, and if that fails nothing changes."""
        price = price_of(plan, interval)
        ref = subscription.subscription_ref
        changes: dict[str, Any] = {"proration_behavior": "none"}
        if at_once:
            changes = {"proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"}
        with asking() as api:
            item = api.subscriptions.retrieve(ref).to_dict()["items"]["data"][0]["id"]
            changes |= {"items": [{"id": item, "price": price}], "cancel_at_period_end": False}
            api.subscriptions.update(ref, cast(Any, changes))
        self.refresh(subscription=subscription)

    def cancel(self, *, subscription: Subscription, now: bool) -> None:
        """End it at Stripe; one that is gone there is as good."""
        ref = subscription.subscription_ref
        if not ref:
            return
        try:
            with asking() as api:
                if now:
                    api.subscriptions.cancel(ref)
                else:
                    api.subscriptions.update(ref, {"cancel_at_period_end": True})
        except ProviderUnavailable as error:
            if not is_missing(error):
                raise

    def resume(self, *, subscription: Subscription) -> None:
        """Go on as before, at the price of the present plan."""
        changes: dict[str, Any] = {"cancel_at_period_end": False}
        price = price_of(subscription.plan, subscription.interval) if subscription.pending_plan_id else ""
        with asking() as api:
            if price:
                found = api.subscriptions.retrieve(subscription.subscription_ref).to_dict()
                changes["items"] = [{"id": found["items"]["data"][0]["id"], "price": price}]
                changes["proration_behavior"] = "none"
            api.subscriptions.update(subscription.subscription_ref, cast(Any, changes))

    def portal_url(self, *, subscription: Subscription, return_url: str) -> str | None:
        """Return the address of a session of Stripe's customer portal."""
        with asking() as api:
            asked = {"customer": subscription.customer_ref, "return_url": return_url}
            return api.billing_portal.sessions.create(cast(Any, asked)).url

    def forget(self, *, subscription: Subscription) -> None:
        """Delete the customer: Stripe ends its subscriptions at once, and drops name, address and cards."""
        try:
            with asking() as api:
                api.customers.delete(subscription.customer_ref)
        except ProviderUnavailable as error:
            if not is_missing(error):
                raise

    def refresh(self, *, subscription: Subscription) -> None:
        """Ask how things stand and note it."""
        from billing.payments import mirror

        if subscription.subscription_ref:
            _noting(mirror.sync, subscription.subscription_ref)

    def refresh_order(self, *, order: Order) -> None:
        """Ask what became of a Checkout session, and note what was paid."""
        from billing.payments import mirror

        if order.provider_ref:
            _noting(mirror.sync_session, order.provider_ref)


def _noting(sync: Callable[[str], None], ref: str) -> None:
    """Note how an object stands; what only staff can decide is left to them, and no reason to fail."""
    from billing.payments.mirror import NeedsStaff, NotOurs

    try:
        sync(ref)
    except (NeedsStaff, NotOurs) as error:
        log.error("stripe's answer needs a person", extra={"ref": ref, "why": str(error)})


def customer_of(user: User) -> str:
    """Return the person's customer at Stripe, made when there is none yet."""
    known = Subscription.objects.get(user=user).customer_ref
    if known:
        return known
    with asking() as api:
        asked = {"email": user.email, "metadata": {"user": str(user.pk)}}
        made = api.customers.create(cast(Any, asked), {"idempotency_key": f"customer-{user.pk}"}).id
    Subscription.objects.filter(user=user, customer_ref="").update(customer_ref=made)
    return Subscription.objects.get(user=user).customer_ref


def price_of(plan: PlanLimit, interval: str) -> str:
    """Return the price at Stripe that charges what the plan costs now; found or made there, and remembered here."""
    amount = plan.price(interval)
    assert amount
    facts = {"provider": ProviderName.STRIPE, "plan": plan, "interval": interval, "amount": amount}
    known = ProviderPrice.objects.filter(**facts).order_by("-created_at").first()
    if known:
        return known.ref
    cents = int(amount * 100)
    key = f"wisqu_{plan.slug}_{interval}_{cents}_{CURRENCY}"
    with asking() as api:
        found = api.prices.list({"lookup_keys": [key], "active": True, "limit": 1}).data
        ref = found[0].id if found else _make_price(api, plan, interval, cents, key)
    ProviderPrice.objects.get_or_create(ref=ref, defaults={**facts, "currency": CURRENCY.upper()})
    return ref


def _make_price(api: Any, plan: PlanLimit, interval: str, cents: int, key: str) -> str:
    asked = {
        "currency": CURRENCY,
        "unit_amount": cents,
        "recurring": {"interval": Interval(interval).value},
        "lookup_key": key,
        "product_data": {"name": f"WisQu {plan.name}", "metadata": {"plan": plan.slug}},
    }
    made: str = api.prices.create(asked, {"idempotency_key": f"price-{key}"}).id
    return made


PROVIDER = Stripe()
