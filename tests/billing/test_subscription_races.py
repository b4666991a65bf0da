"""Many at once: a subscription changes as if they had come one after the other."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import mails, orders, renewals, subscriptions
from billing.models import BillingMail, Invoice, Order, PlanLimit, Subscription, SubscriptionChange
from billing.payments.base import ReturnUrls
from billing.periods import Period
from billing.quota import QuotaExceeded
from billing.subscriptions import Reason, Terms
from tests.billing.held import hold, settle
from tests.billing.stripes import LocalStripe, report, send
from tests.billing.test_races import at_once
from tests.people import make_user
from wisqu.accounts.models import User
from wisqu.api.problems import Problem

pytestmark = pytest.mark.django_db(transaction=True)

URLS = ReturnUrls(paid="http://testserver/paid", left="http://testserver/left")
BANK = Reason.provider("sandbox", "Paid")


@pytest.fixture
def alice(settings) -> User:
    settings.BILLING_PROVIDER, settings.DEBUG = "sandbox", True
    return make_user("alice@example.org", "free")


def plan(slug: str) -> PlanLimit:
    return PlanLimit.objects.get(slug=slug)


def ordered(user: User, slug: str = "premium") -> Order:
    order = orders.choose(user=user, plan=plan(slug), urls=URLS).order
    assert order
    return order


def begin(user: User, *, days: float = 30) -> None:
    now = timezone.now()
    period = Period(now - timedelta(days=30 - days), now + timedelta(days=days))
    terms = Terms(plan=plan("premium"), provider="sandbox", period=period)
    subscriptions.subscribe(user_id=user.pk, terms=terms, reason=BANK)


def turns(*work: Callable[[], Any]) -> Callable[[], Any]:
    """Return work that does each in turn, whoever calls."""
    waiting = list(work) * 50
    return lambda: waiting.pop()()


def test_an_order_that_many_confirm_and_decline_ends_once(alice: User) -> None:
    order = ordered(alice)
    confirm = lambda: orders.confirm(order_id=order.pk, reason=BANK)  # noqa: E731
    decline = lambda: orders.decline(order_id=order.pk, why="declined", reason=BANK)  # noqa: E731
    results = at_once(turns(confirm, decline), 12)

    assert results.count(True) == 1
    paid = Order.objects.get().state == "paid"
    assert Subscription.objects.get().plan_id == ("premium" if paid else "free")
    assert SubscriptionChange.objects.filter(verb="subscribed").count() == int(paid)


def test_many_wishes_at_once_leave_one_order_and_numbers_without_gaps(alice: User) -> None:
    results = at_once(lambda: ordered(alice), 8)

    assert not [
        result for result in results if isinstance(result, Exception) and not isinstance(result, Problem)
    ]
    assert Order.objects.filter(state="open").count() == 1
    numbers = sorted(int(number[-6:]) for number in Invoice.objects.values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_upgrade_against_cancel_ends_as_one_after_the_other(alice: User) -> None:
    begin(alice)
    order = ordered(alice, "unlimited")
    pay = lambda: orders.confirm(order_id=order.pk, reason=BANK)  # noqa: E731
    leave = lambda: subscriptions.cancel(user_id=alice.pk, now=True, reason=BANK)  # noqa: E731
    at_once(turns(pay, leave), 6)

    row = Subscription.objects.get()
    assert (row.plan_id, row.status) == (
        "free",
        "canceled",
    )  # leaving comes after, or the order was dropped by it
    verbs = list(SubscriptionChange.objects.order_by("created_at", "id").values_list("verb", flat=True))
    assert verbs in (["subscribed", "upgraded", "canceled"], ["subscribed", "canceled"])


def test_two_schedulers_renew_once(alice: User) -> None:
    begin(alice, days=-0.01)
    at_once(renewals.pass_time, 6)

    assert SubscriptionChange.objects.filter(verb="renewed").count() == 1
    assert Invoice.objects.filter(state="paid").count() == 1


def test_two_senders_send_each_mail_once(alice: User) -> None:
    begin(alice)
    owed = BillingMail.objects.count()

    assert sum(at_once(mails.send_owed, 6)) == owed == 1


def test_messages_stay_exact_while_the_plan_changes_to_and_fro(alice: User) -> None:
    PlanLimit.objects.filter(slug="free").update(messages=5)
    PlanLimit.objects.filter(slug="premium").update(messages=20)

    def send_one() -> None:
        settle(hold(alice))

    up = lambda: subscriptions.upgrade(user_id=alice.pk, plan=plan("premium"), reason=BANK)  # noqa: E731
    down = lambda: subscriptions.downgrade(user_id=alice.pk, plan=plan("free"), reason=BANK)  # noqa: E731
    results = at_once(turns(send_one, up, send_one, down), 60)

    assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, QuotaExceeded)]
    period = alice.quotas.get()
    assert period.used_messages == alice.ledger_entries.count() <= 20
    assert period.held_messages == 0


def test_one_report_that_many_send_at_once_has_one_effect(alice: User, stripe_server: LocalStripe) -> None:
    order = ordered(alice)
    order.refresh_from_db()
    ref = stripe_server.pay(order.provider_ref)["session"]["subscription"]
    body = report("customer.subscription.created", ref)
    at_once(lambda: send(body), 10)

    assert SubscriptionChange.objects.filter(verb="subscribed").count() == 1
    assert Subscription.objects.get().version == 1
