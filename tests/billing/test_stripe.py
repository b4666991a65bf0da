"""Stripe over HTTP: localstripe, which we did not write, with a stand-in for what it lacks."""

import itertools
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from billing import orders, renewals
from billing.errors import PlanRefused
from billing.models import (
    Invoice,
    Order,
    PlanLimit,
    ProviderPrice,
    Subscription,
    SubscriptionChange,
    WebhookEvent,
)
from billing.payments import intake, mirror
from billing.payments import stripe as gateway
from billing.payments.base import PaymentDeclined, ProviderUnavailable, ReturnUrls
from billing.payments.stripe import PROVIDER
from tests.billing.stripes import WEBHOOK, LocalStripe, report, send, signature
from tests.people import make_user, signed_in
from wisqu.accounts import erasure
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

URLS = ReturnUrls(paid="http://testserver/billing/plans?paid=1", left="http://testserver/billing/plans")
FAILING_CARD, CARD_WITH_3DS = "4000000000000341", "4000002500003155"
_numbers = itertools.count()


def plan(slug: str) -> PlanLimit:
    return PlanLimit.objects.get(slug=slug)


def choose(user: User, slug: str, interval: str = "") -> orders.Outcome:
    return orders.choose(user=user, plan=plan(slug), interval=interval, urls=URLS)


def of(user: User) -> Subscription:
    return Subscription.objects.select_related("plan", "pending_plan").get(user=user)


def tell(kind: str, ref: str, **more: Any) -> Any:
    """Send a report of its own, signed."""
    return send(report(kind, ref, event_id=f"evt_of_test_{next(_numbers)}_{ref}", **more))


@pytest.fixture
def alice(stripe_server: LocalStripe) -> User:
    return make_user("alice@example.org", "free")


@pytest.fixture
def subscribed(alice: User, stripe_server: LocalStripe) -> User:
    """Alice, who has paid for Premium at Checkout."""
    order = choose(alice, "premium").order
    assert order
    paid = stripe_server.pay(Order.objects.get(pk=order.pk).provider_ref)
    tell("customer.subscription.created", paid["session"]["subscription"])
    return alice


def test_checkout_leads_to_stripe_and_gives_nothing_yet(alice: User) -> None:
    outcome = choose(alice, "premium")

    assert outcome.pay_at == f"https://checkout/{Order.objects.get().provider_ref}"
    assert (of(alice).plan_id, of(alice).customer_ref[:4]) == ("free", "cus_")


def test_a_paid_checkout_begins_the_plan_with_its_own_period(subscribed: User) -> None:
    subscription = of(subscribed)

    assert (subscription.plan_id, subscription.status, subscription.provider) == (
        "premium",
        "active",
        "stripe",
    )
    assert subscription.started_at == subscription.paid_from
    assert subscription.paid_until
    assert subscription.paid_until > timezone.now() + timedelta(days=27)
    assert Order.objects.get().state == "paid"


def test_the_invoice_is_kept_to_the_cent(subscribed: User) -> None:
    invoice = Invoice.objects.get(user=subscribed)

    assert (invoice.state, invoice.total, invoice.paid) == ("paid", Decimal("19.99"), Decimal("19.99"))
    assert (invoice.currency, invoice.lines.get().amount) == ("USD", Decimal("19.99"))


@pytest.mark.parametrize("card", [FAILING_CARD, CARD_WITH_3DS])
def test_a_card_that_does_not_pay_begins_nothing(alice: User, stripe_server: LocalStripe, card: str) -> None:
    choose(alice, "premium")
    tried = stripe_server.pay(Order.objects.get().provider_ref, card=card)
    tell("customer.subscription.created", tried["subscription"]["id"])
    tell("customer.subscription.updated", tried["subscription"]["id"], status="active")

    assert of(alice).plan_id == "free"


def test_who_comes_back_before_the_report_has_the_plan(alice: User, stripe_server: LocalStripe) -> None:
    choose(alice, "premium")
    stripe_server.pay(Order.objects.get().provider_ref)
    orders.refresh(user=alice)

    assert of(alice).plan_id == "premium"


def test_the_same_report_ten_times_has_one_effect(alice: User, stripe_server: LocalStripe) -> None:
    choose(alice, "premium")
    paid = stripe_server.pay(Order.objects.get().provider_ref)
    body = report("customer.subscription.created", paid["session"]["subscription"], event_id="evt_ten")
    answers = [send(body).status_code for _ in range(10)]

    assert answers == [200] * 10
    assert SubscriptionChange.objects.filter(user=alice, verb="subscribed").count() == 1
    assert (WebhookEvent.objects.count(), of(alice).version) == (1, 1)


def test_ten_different_reports_of_one_thing_have_one_effect(subscribed: User) -> None:
    for kind in ("customer.subscription.updated", "customer.subscription.created") * 5:
        tell(kind, of(subscribed).subscription_ref)

    assert SubscriptionChange.objects.filter(user=subscribed).count() == 1


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda body: (body, ""), id="unsigned"),
        pytest.param(lambda body: (body, signature(body, secret="whsec_wrong")), id="wrong secret"),
        pytest.param(lambda body: (body, signature(body, at=timezone.now().timestamp() - 301)), id="old"),
        pytest.param(lambda body: (body, signature(body, at=timezone.now().timestamp() + 400)), id="future"),
        pytest.param(lambda body: (body + b" ", signature(body)), id="edited"),
        pytest.param(lambda body: (b"\xff\xfe", signature(body)), id="no text"),
        pytest.param(lambda body: (body, "t=,v1=ü"), id="nonsense"),
    ],
)
def test_a_report_that_is_not_proven_is_not_even_kept(alice: User, forge: Any) -> None:
    body, signed = forge(report("customer.subscription.created", "sub_1"))
    answer = send(body, signed)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")
    assert not WebhookEvent.objects.exists()


def test_without_a_secret_nothing_is_proven(alice: User, settings) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    body = report("customer.subscription.created", "sub_1")

    assert send(body, signature(body, secret="")).status_code == 400


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'{"id": 1, "type": "x", "data": {"object": 3}}'])
def test_what_is_signed_but_no_report_is_refused(alice: User, body: bytes) -> None:
    assert send(body).status_code == 400


def test_what_a_report_claims_is_not_believed(subscribed: User) -> None:
    ref = of(subscribed).subscription_ref
    tell("customer.subscription.deleted", ref, status="canceled")
    tell("customer.subscription.updated", ref, items={"data": [{"price": {"id": "price_enterprise"}}]})

    assert (of(subscribed).plan_id, of(subscribed).status) == ("premium", "active")


def test_reports_in_the_wrong_order_end_right(subscribed: User, stripe_server: LocalStripe) -> None:
    ref = of(subscribed).subscription_ref
    PROVIDER.cancel(subscription=of(subscribed), now=True)
    for kind in ("deleted", "updated", "created", "resumed"):
        tell(f"customer.subscription.{kind}", ref)

    assert (of(subscribed).plan_id, of(subscribed).status) == ("free", "canceled")


def test_an_answer_that_is_older_than_the_last_change_is_asked_for_again(subscribed: User) -> None:
    facts, version = mirror.Facts.read(mirror._fetch(of(subscribed).subscription_ref)), of(subscribed).version
    orders.cancel(user=subscribed, now=True)

    assert mirror._apply(subscribed.pk, facts, version) is False
    assert of(subscribed).plan_id == "free"


def test_a_renewal_is_noted_once_it_is_paid(subscribed: User, stripe_server: LocalStripe) -> None:
    before, ref = of(subscribed), of(subscribed).subscription_ref
    assert before.paid_until
    next_month = {
        "current_period_start": int(before.paid_until.timestamp()),
        "current_period_end": int((before.paid_until + timedelta(days=30)).timestamp()),
    }
    stripe_server.look(ref, **next_month, latest_invoice={"status": "open"})
    tell("invoice.created", ref)
    tell("customer.subscription.updated", ref)
    assert of(subscribed).paid_until == before.paid_until
    stripe_server.look(ref, latest_invoice={"status": "paid"})
    tell("customer.subscription.updated", ref)

    assert of(subscribed).paid_until == before.paid_until + timedelta(days=30)
    assert of(subscribed).started_at == before.started_at


def test_a_failed_renewal_gives_seven_days_and_then_free(
    subscribed: User, stripe_server: LocalStripe
) -> None:
    before, ref = of(subscribed), of(subscribed).subscription_ref
    assert before.paid_until
    due = int(before.paid_until.timestamp())
    look = {"current_period_start": due, "current_period_end": due + 2_592_000, "status": "past_due"}
    stripe_server.look(ref, **look, latest_invoice={"status": "open"})
    with time_machine.travel(before.paid_until + timedelta(hours=1), tick=False):
        tell("customer.subscription.updated", ref)
        assert (of(subscribed).status, of(subscribed).grants_plan) == ("past_due", True)
        ends = of(subscribed).grace_until
    assert ends == before.paid_until + timedelta(days=7, hours=1)
    with time_machine.travel(ends + timedelta(seconds=1), tick=False):
        assert not of(subscribed).grants_plan
        renewals.pass_time()

    assert (of(subscribed).status, of(subscribed).plan_id) == ("expired", "free")
    assert f"DELETE /v1/subscriptions/{ref}" in stripe_server.asked()


def test_an_upgrade_is_charged_at_once_and_keeps_the_period(subscribed: User) -> None:
    before = of(subscribed)
    outcome = choose(subscribed, "unlimited")

    assert (outcome.pay_at, of(subscribed).plan_id) == (None, "unlimited")
    assert of(subscribed).started_at == before.started_at
    assert Invoice.objects.filter(user=subscribed, state="paid").count() == 2


def test_a_declined_upgrade_changes_nothing(subscribed: User, stripe_server: LocalStripe) -> None:
    stripe_server.decline(True)
    with pytest.raises(PaymentDeclined):
        choose(subscribed, "unlimited")

    assert of(subscribed).plan_id == "premium"


def test_a_dearer_price_whose_invoice_is_open_is_not_followed(
    subscribed: User, stripe_server: LocalStripe
) -> None:
    ref = of(subscribed).subscription_ref
    stripe_server.look(ref, latest_invoice={"status": "open"})
    choose(subscribed, "unlimited")
    assert of(subscribed).plan_id == "premium"
    stripe_server.look(ref, latest_invoice={"status": "paid"})
    tell("invoice.paid", ref)
    tell("customer.subscription.updated", ref)

    assert of(subscribed).plan_id == "unlimited"


def test_a_downgrade_waits_for_the_end_of_the_paid_time(subscribed: User, stripe_server: LocalStripe) -> None:
    choose(subscribed, "unlimited")
    choose(subscribed, "premium")
    row = of(subscribed)
    tell("customer.subscription.updated", row.subscription_ref)

    assert (of(subscribed).plan_id, of(subscribed).pending_plan_id) == ("unlimited", "premium")
    assert row.paid_until
    with time_machine.travel(row.paid_until, tick=False):
        assert of(subscribed).pending_is_due(timezone.now())


def test_cancelling_for_the_end_and_resuming_reach_stripe(subscribed: User) -> None:
    ref = of(subscribed).subscription_ref
    orders.cancel(user=subscribed, now=False)
    assert mirror._fetch(ref)["cancel_at_period_end"] is True
    orders.resume(user=subscribed)

    assert mirror._fetch(ref)["cancel_at_period_end"] is False
    assert not of(subscribed).cancel_at_period_end
    verbs = (
        SubscriptionChange.objects.filter(user=subscribed).order_by("created_at").values_list("verb", "by")
    )
    assert list(verbs)[1:] == [("cancel_chosen", "person"), ("resumed", "person")]


def test_the_portal_belongs_to_ones_own_customer(subscribed: User) -> None:
    url = (
        signed_in(subscribed)
        .post("/api/v1/subscriptions/portal", {}, content_type="application/json")
        .json()["url"]
    )

    assert url == f"https://portal/{of(subscribed).customer_ref}"


def test_a_stranger_has_no_portal(subscribed: User) -> None:
    charlie = signed_in(make_user("charlie@example.org"))

    assert (
        charlie.post("/api/v1/subscriptions/portal", {}, content_type="application/json").status_code == 404
    )


def test_a_price_that_is_no_plans_gives_nothing_and_waits_for_staff(
    alice: User, stripe_server: LocalStripe
) -> None:
    choose(alice, "premium")
    paid = stripe_server.pay(Order.objects.get().provider_ref)
    Order.objects.update(state="canceled")
    ProviderPrice.objects.all().delete()
    answer = tell("customer.subscription.created", paid["session"]["subscription"])

    assert (answer.json()["state"], of(alice).plan_id) == ("failed", "free")
    assert "no plan's" in WebhookEvent.objects.get().error


def test_a_subscription_of_somebody_unknown_is_ignored(stripe_server: LocalStripe, subscribed: User) -> None:
    Subscription.objects.filter(user=subscribed).update(customer_ref="cus_other", subscription_ref="")
    ref = Invoice.objects.get().provider_ref

    assert tell("invoice.paid", ref, of="invoice").json()["state"] == "ignored"
    assert tell("customer.subscription.updated", "sub_unknown").json()["state"] == "ignored"


def test_a_report_that_fails_is_kept_and_handled_later(alice: User, stripe_server: LocalStripe) -> None:
    choose(alice, "premium")
    paid = stripe_server.pay(Order.objects.get().provider_ref)
    stripe_server.fail(2)
    answer = tell("customer.subscription.created", paid["session"]["subscription"])
    assert (answer.json()["state"], of(alice).plan_id) == ("failed", "free")
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        assert intake.handle_waiting() == 1

    assert of(alice).plan_id == "premium"
    assert WebhookEvent.objects.get().state == "handled"


def test_a_lost_report_does_not_end_the_plan_of_who_has_paid(
    subscribed: User, stripe_server: LocalStripe
) -> None:
    row = of(subscribed)
    assert row.paid_until
    due = int(row.paid_until.timestamp())
    stripe_server.look(row.subscription_ref, current_period_start=due, current_period_end=due + 2_592_000)
    with time_machine.travel(row.paid_until + timedelta(days=9), tick=False):
        renewals.pass_time()
        assert (of(subscribed).status, of(subscribed).grants_plan) == ("active", True)


def test_while_stripe_is_away_nothing_changes(subscribed: User, stripe_server: LocalStripe) -> None:
    stripe_server.fail(2)
    with pytest.raises(ProviderUnavailable):
        orders.cancel(user=subscribed, now=True)

    assert of(subscribed).plan_id == "premium"


def test_a_second_checkout_closes_the_first(alice: User) -> None:
    choose(alice, "premium")
    first = Order.objects.get()
    choose(alice, "unlimited")

    first.refresh_from_db()
    assert first.state == "canceled"
    assert Order.objects.filter(state="open").count() == 1


def test_a_first_checkout_that_was_paid_meanwhile_is_not_paid_twice(
    alice: User, stripe_server: LocalStripe
) -> None:
    choose(alice, "premium")
    stripe_server.pay(Order.objects.get().provider_ref)
    with pytest.raises(PlanRefused):
        choose(alice, "premium")

    assert of(alice).plan_id == "premium"


def test_stripe_is_never_asked_inside_a_transaction(alice: User) -> None:
    with transaction.atomic():
        connection.atomic_blocks[-1]._from_testcase = False
        with pytest.raises(TransactionManagementError):
            PROVIDER.portal_url(subscription=of(alice), return_url="http://testserver/")


def test_erasing_an_account_ends_what_stripe_charges(subscribed: User, stripe_server: LocalStripe) -> None:
    customer, number = of(subscribed).customer_ref, Invoice.objects.get().number
    stripe_server.asked()
    erasure.erase(subscribed)

    assert stripe_server.asked() == [f"DELETE /v1/customers/{customer}"]
    assert Invoice.objects.get(number=number)


def test_an_account_is_not_erased_while_stripe_can_not_be_told(
    subscribed: User, stripe_server: LocalStripe
) -> None:
    stripe_server.fail(2)
    with pytest.raises(ProviderUnavailable):
        erasure.erase(subscribed)

    assert User.objects.filter(pk=subscribed.pk).exists()


def test_no_address_is_kept_of_what_was_reported(subscribed: User) -> None:
    tell("customer.subscription.updated", of(subscribed).subscription_ref, customer_email="alice@example.org")

    assert "alice" not in str(list(WebhookEvent.objects.values()))


def test_who_comes_back_after_the_grace_is_charged_for_one_subscription(
    subscribed: User, stripe_server: LocalStripe
) -> None:
    before = of(subscribed)
    stripe_server.look(before.subscription_ref, status="past_due", latest_invoice={"status": "open"})
    assert before.paid_until
    with time_machine.travel(before.paid_until + timedelta(days=8), tick=False):
        outcome = choose(subscribed, "premium")
        assert outcome.pay_at
        assert f"DELETE /v1/subscriptions/{before.subscription_ref}" in stripe_server.asked()
        paid = stripe_server.pay(Order.objects.get(state="open").provider_ref)
        tell("customer.subscription.created", paid["session"]["subscription"])

    assert (of(subscribed).plan_id, of(subscribed).subscription_ref) == (
        "premium",
        paid["session"]["subscription"],
    )


def test_a_stripe_that_hangs_does_not_take_every_thread_along(alice: User, monkeypatch) -> None:
    monkeypatch.setattr(gateway, "TURN_WITHIN_S", 0.01)
    with gateway.asking(), gateway.asking(), pytest.raises(ProviderUnavailable):
        choose(alice, "premium")


@pytest.mark.django_db(transaction=True)
def test_a_report_that_localstripe_signs_and_sends_itself_is_enough(
    alice: User, stripe_server: LocalStripe, live_server
) -> None:
    address = f"{live_server.url}{WEBHOOK}"
    stripe_server.send_reports_to(address, "customer.subscription.created")
    choose(alice, "premium")
    stripe_server.pay(Order.objects.get().provider_ref)
    deadline = time.monotonic() + 60
    while of(alice).plan_id == "free" and time.monotonic() < deadline:
        time.sleep(0.1)
    stripe_server.send_reports_to(address)

    assert of(alice).plan_id == "premium"
