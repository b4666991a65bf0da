"""Choosing, paying, cancelling over HTTP: the sandbox's page, invoices by hand, and what no request can do."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from billing import orders, plans, renewals
from billing.models import Invoice, Order, PlanLimit, Subscription, SubscriptionChange
from billing.periods import Period
from billing.prices import cents, share_left
from tests.people import make_alice, make_user, signed_in
from wisqu.accounts.credentials import make_key
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

API = "/api/v1/subscriptions"


def call(client: Client, path: str = "", **body: Any) -> Any:
    return client.post(f"{API}{path}", body, content_type="application/json")


def of(user: User) -> Subscription:
    return Subscription.objects.get(user=user)


def pay(client: Client, answer: str = "pay", **choice: Any) -> Any:
    """Choose a plan and let the played bank answer."""
    url = call(client, **choice).json()["checkout_url"]
    return client.post(url, {"answer": answer})


@pytest.fixture(autouse=True)
def _sandbox(settings) -> None:
    settings.BILLING_PROVIDER, settings.DEBUG = "sandbox", True


@pytest.fixture
def alice() -> User:
    return make_alice("free")


@pytest.fixture
def browser(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def staff() -> Client:
    return signed_in(User.objects.create_superuser("root@example.org", "x"))


def approve(staff: Client, order: Order, why: str = "Transfer of 3 May") -> Any:
    form = {"action": "approve", "_selected_action": [str(order.pk)], "why": why}
    return staff.post("/admin/billing/order/", form)


def test_choosing_a_plan_answers_where_to_pay_and_gives_nothing(browser: Client, alice: User) -> None:
    answer = call(browser, plan="premium")

    assert answer.status_code == 201
    assert answer.json()["checkout_url"].startswith("http://testserver/billing/sandbox/")
    assert (of(alice).plan_id, Invoice.objects.get().state) == ("free", "open")


def test_paying_in_the_sandbox_gives_the_plan_and_a_receipt(browser: Client, alice: User) -> None:
    back = pay(browser, plan="premium")

    assert (back.status_code, back["Location"]) == (302, "http://testserver/billing/plans?paid=1")
    assert (of(alice).plan_id, of(alice).provider) == ("premium", "sandbox")
    receipt = Invoice.objects.get()
    assert (receipt.state, receipt.paid, receipt.period_end) == (
        "paid",
        Decimal("19.99"),
        of(alice).paid_until,
    )


@pytest.mark.parametrize("answer", ["decline", "refuse_3ds", "", "enterprise"])
def test_any_other_answer_of_the_bank_gives_nothing(browser: Client, alice: User, answer: str) -> None:
    page = pay(browser, answer, plan="premium")

    assert page.status_code == 200
    assert of(alice).plan_id == "free"


def test_paying_twice_gives_once(browser: Client, alice: User) -> None:
    url = call(browser, plan="premium").json()["checkout_url"]
    for answer in ("pay", "pay", "decline"):
        browser.post(url, {"answer": answer})

    assert SubscriptionChange.objects.filter(user=alice).count() == 1
    assert Order.objects.get().state == "paid"


def test_the_sandbox_does_not_exist_outside_development(browser: Client, alice: User, settings) -> None:
    url = call(browser, plan="premium").json()["checkout_url"]
    settings.DEBUG = False

    assert browser.post(url, {"answer": "pay"}).status_code == 404
    assert call(browser, plan="unlimited").status_code == 503
    assert of(alice).plan_id == "free"


def test_charlie_can_not_pay_or_see_alices_order(browser: Client, alice: User) -> None:
    url = call(browser, plan="premium").json()["checkout_url"]
    charlie = signed_in(make_user("charlie@example.org"))

    assert charlie.get(url).status_code == charlie.post(url, {"answer": "pay"}).status_code == 404


def test_the_sandbox_needs_the_token_against_forgery(browser: Client, alice: User) -> None:
    url = call(browser, plan="premium").json()["checkout_url"]
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies

    assert strict.post(url, {"answer": "pay"}).status_code == 403


def test_it_leads_back_to_pages_of_ours_only(browser: Client) -> None:
    url = call(browser, plan="premium").json()["checkout_url"].partition("?")[0]
    back = browser.post(f"{url}?back=https://evil.example/", {"answer": "pay"})

    assert back["Location"] == "/billing/plans"


def test_an_upgrade_costs_the_difference_for_the_time_left(browser: Client, alice: User) -> None:
    pay(browser, plan="premium")
    paid = Period(of(alice).paid_from, of(alice).paid_until)
    with time_machine.travel(paid.start + (paid.end - paid.start) / 2, tick=False):
        pay(signed_in(alice), plan="unlimited")

    lines = [line.amount for line in Order.objects.get(kind="upgrade").invoices.get().lines.all()]
    assert lines == [Decimal("50.00"), Decimal("-10.00")]  # 99.99 and 19.99, half of each, half a cent up
    assert (of(alice).plan_id, of(alice).paid_until) == ("unlimited", paid.end)


@pytest.mark.parametrize(("days", "share"), [(0, "1"), (15, "0.5"), (30, "0"), (31, "0")])
def test_the_share_left_is_exact(days: int, share: str) -> None:
    now = timezone.now()
    paid = Period(now, now + timedelta(days=30))

    assert share_left(paid, now + timedelta(days=days)) == Decimal(share)
    assert cents(Decimal("0.005")) == Decimal("0.01")


def test_a_smaller_plan_costs_nothing_and_waits(browser: Client, alice: User) -> None:
    pay(browser, plan="unlimited")
    answer = call(browser, plan="premium")

    assert (answer.status_code, answer.json()["checkout_url"]) == (200, None)
    assert answer.json()["subscription"]["pending_plan"] == "premium"
    assert of(alice).plan_id == "unlimited"


def test_a_smaller_plan_is_not_chosen_by_another_interval(browser: Client, alice: User) -> None:
    PlanLimit.objects.filter(slug="premium").update(price_usd_year=Decimal(199))
    pay(browser, plan="unlimited")

    assert call(browser, plan="premium", interval="year").json()["code"] == "monthly_plan"
    assert of(alice).pending_plan is None


def test_yearly_costs_the_yearly_price_and_lasts_a_year(browser: Client, alice: User) -> None:
    PlanLimit.objects.filter(slug="premium").update(price_usd_year=199)
    pay(browser, plan="premium", interval="year")

    assert Invoice.objects.get().total == 199
    assert of(alice).paid_until > timezone.now() + timedelta(days=364)
    month = of(alice).present_period
    assert month.end - month.start <= timedelta(days=31)


def test_monthly_to_yearly_credits_what_is_unused(browser: Client, alice: User) -> None:
    PlanLimit.objects.filter(slug="premium").update(price_usd_year=199)
    pay(browser, plan="premium")
    with time_machine.travel(timezone.now() + timedelta(seconds=1), tick=False):
        pay(browser, plan="premium", interval="year")

    assert Order.objects.get(kind="upgrade").amount == Decimal("179.01")
    assert (of(alice).interval, call(browser, plan="premium", interval="month").json()["code"]) == (
        "year",
        "yearly_plan",
    )


@pytest.mark.parametrize(
    ("choice", "status", "code"),
    [
        ({"plan": "free"}, 409, "already_on_plan"),
        ({"plan": "nothing"}, 422, "invalid_input"),
        ({"plan": "premium", "interval": "year"}, 409, "interval_not_offered"),
        ({"plan": "premium", "interval": "day"}, 422, "invalid_input"),
        ({}, 422, "invalid_input"),
    ],
)
def test_what_can_not_be_chosen_says_why(browser: Client, choice: Any, status: int, code: str) -> None:
    answer = call(browser, **choice)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_cancelling_and_resuming(browser: Client, alice: User) -> None:
    pay(browser, plan="premium")
    assert call(browser, "/cancel").json()["cancel_at_period_end"] is True
    assert call(browser, "/resume").json()["cancel_at_period_end"] is False
    assert call(browser, "/resume").json()["code"] == "nothing_to_resume"
    assert call(browser, "/cancel", at="now").json()["plan"]["slug"] == "free"
    assert call(browser, "/cancel").json()["code"] == "nothing_to_cancel"


def test_the_sandbox_renews_on_the_day(browser: Client, alice: User) -> None:
    pay(browser, plan="premium")
    ends = of(alice).paid_until
    with time_machine.travel(ends, tick=False):
        renewals.pass_time()
        renewals.pass_time()

    assert of(alice).paid_until > ends + timedelta(days=27)
    assert Invoice.objects.filter(user=alice, state="paid").count() == 2


def test_a_card_that_declines_renewals_leaves_grace_and_can_be_paid_within(
    browser: Client, alice: User
) -> None:
    pay(browser, "pay_once", plan="premium")
    ends = of(alice).paid_until
    with time_machine.travel(ends + timedelta(hours=1), tick=False):
        renewals.pass_time()
        assert (of(alice).status, plans.plan_for(alice.pk).slug) == ("past_due", "premium")
        later = signed_in(alice)
        assert call(later, plan="unlimited").json()["code"] == "payment_due"
        pay(later, plan="premium")

    assert (of(alice).status, of(alice).paid_from) == ("active", ends)


def test_staff_approve_what_was_paid_by_hand(browser: Client, staff: Client, alice: User, settings) -> None:
    settings.BILLING_PROVIDER = "manual"
    call(browser, plan="premium")
    order = Order.objects.get()
    approve(staff, order, why="")
    assert of(alice).plan_id == "free"
    approve(staff, order)
    approve(staff, order)

    assert (of(alice).plan_id, Invoice.objects.get().state) == ("premium", "paid")
    entry = SubscriptionChange.objects.get(user=alice)
    assert (entry.by, entry.why) == ("staff", "Transfer of 3 May")


@pytest.mark.parametrize(
    ("choice", "stands"),
    [({"plan": "unlimited"}, "past_due"), ({"plan": "premium", "interval": "year"}, "active")],
)
def test_an_upgrade_whose_money_comes_after_the_paid_time_is_booked_rightly(
    browser: Client, staff: Client, alice: User, settings, choice: Any, stands: str
) -> None:
    settings.BILLING_PROVIDER = "manual"
    PlanLimit.objects.filter(slug="premium").update(price_usd_year=Decimal(199))
    call(browser, plan="premium")
    approve(staff, Order.objects.get())
    ends = of(alice).paid_until
    with time_machine.travel(ends - timedelta(hours=1), tick=False):
        call(signed_in(alice), **choice)
    with time_machine.travel(ends + timedelta(days=1), tick=False):
        renewals.pass_time()
        approve(signed_in(User.objects.get(is_staff=True)), Order.objects.get(kind="upgrade"))
        assert (of(alice).plan_id, plans.subscription_for(alice.pk).status) == (choice["plan"], stands)

    receipt = Invoice.objects.get(order__kind="upgrade")
    assert (receipt.state, receipt.period_end) == ("paid", of(alice).paid_until)
    assert receipt.period_start < receipt.period_end


def test_an_invoice_for_the_next_time_comes_a_week_before(
    browser: Client, staff: Client, alice: User, settings
) -> None:
    settings.BILLING_PROVIDER = "manual"
    call(browser, plan="premium")
    approve(staff, Order.objects.get())
    ends = of(alice).paid_until
    with time_machine.travel(ends - timedelta(days=6), tick=False):
        renewals.pass_time()
        renewals.pass_time()
        approve(signed_in(User.objects.get(is_staff=True)), Order.objects.get(kind="renewal", state="open"))

    assert of(alice).paid_until > ends


@pytest.mark.parametrize("answer", ["decline", "refuse_3ds"])
def test_nothing_is_owed_for_what_was_declined(browser: Client, answer: str) -> None:
    pay(browser, answer, plan="premium")

    assert Invoice.objects.get().state == "void"


@pytest.mark.parametrize("provider", ["manual", "sandbox"])
def test_changing_ones_mind_voids_the_invoice_of_before(browser: Client, settings, provider: str) -> None:
    settings.BILLING_PROVIDER = provider
    call(browser, plan="premium")
    call(browser, plan="unlimited")

    assert list(Invoice.objects.order_by("number").values_list("state", flat=True)) == ["void", "open"]


def test_invoice_numbers_have_no_gaps(browser: Client) -> None:
    for plan in ("premium", "unlimited", "enterprise"):
        call(browser, plan=plan)

    year = timezone.now().year
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [
        f"WQ-{year}-00000{n}" for n in (1, 2, 3)
    ]


def test_invoices_are_listed_and_belong_to_one_person(browser: Client) -> None:
    pay(browser, plan="premium")
    (invoice,) = browser.get(f"{API}/invoices").json()["results"]
    charlie = signed_in(make_user("charlie@example.org"))

    assert (invoice["total"], invoice["currency"], invoice["state"]) == (19.99, "USD", "paid")
    assert invoice["lines"][0]["amount"] == 19.99
    assert browser.get(f"{API}/invoices/{invoice['id']}").json() == invoice
    assert charlie.get(f"{API}/invoices/{invoice['id']}").status_code == 404
    assert charlie.get(f"{API}/invoices").json()["results"] == []


def test_a_list_of_invoices_takes_as_many_queries_for_ten_as_for_one(
    browser: Client, settings, django_assert_num_queries
) -> None:
    settings.BILLING_PROVIDER = "manual"
    for _ in range(10):
        call(browser, plan="premium")

    with django_assert_num_queries(3):
        assert len(browser.get(f"{API}/invoices").json()["results"]) == 10


def test_a_repeated_request_makes_one_order(browser: Client) -> None:
    headers = {"Idempotency-Key": "once"}
    first, second = (
        browser.post(API, {"plan": "premium"}, content_type="application/json", headers=headers)
        for _ in range(2)
    )

    assert first.json() == second.json()
    assert Order.objects.count() == 1


@pytest.mark.parametrize("path", ["", "/cancel", "/resume", "/portal"])
def test_nobody_pays_without_being_known(path: str) -> None:
    assert call(Client(), path, plan="premium").status_code == 401


@pytest.mark.parametrize("path", ["", "/cancel", "/resume", "/portal"])
def test_a_key_needs_the_right_to_manage_the_account(alice: User, path: str) -> None:
    _, key = make_key(user=alice, name="program", scopes=["read", "write"])
    program = Client(headers={"Authorization": f"Bearer {key}"})

    assert call(program, path, plan="premium").json()["code"] == "scope_required"


def test_nothing_that_a_request_adds_changes_price_or_payment(browser: Client, alice: User) -> None:
    forged = {"price": 0, "amount": 0, "status": "active", "paid": True, "user": "x", "trial_days": 365}
    for name, value in forged.items():
        assert call(browser, plan="enterprise", **{name: value}).status_code == 422

    assert (of(alice).plan_id, Order.objects.count()) == ("free", 0)


def test_an_order_made_for_another_situation_can_not_be_paid_later(browser: Client, alice: User) -> None:
    pay(browser, plan="premium")
    url = call(browser, plan="unlimited").json()["checkout_url"]
    call(browser, "/cancel", at="now")
    browser.post(url, {"answer": "pay"})

    assert of(alice).plan_id == "free"


def test_a_granted_plan_is_not_sold_again(alice: User) -> None:
    plans.put_on(user_id=alice.pk, plan=PlanLimit.objects.get(slug="unlimited"))

    assert call(signed_in(alice), plan="premium").json()["code"] == "already_on_plan"
    assert orders.is_paying(plans.subscription_for(alice.pk)) is False


def test_staff_put_on_a_plan_through_the_verb(staff: Client, alice: User) -> None:
    row = of(alice)
    form = {"plan": "enterprise", "trial_days": "", "why": "A friend of the house"}
    staff.post(f"/admin/billing/subscription/{row.pk}/change/", form)

    entry = SubscriptionChange.objects.get(user=alice)
    assert (of(alice).plan_id, entry.verb, entry.why) == ("enterprise", "granted", "A friend of the house")


def test_staff_without_the_right_approve_nothing(browser: Client, alice: User, settings) -> None:
    settings.BILLING_PROVIDER = "manual"
    call(browser, plan="premium")
    clerk = signed_in(User.objects.create_user("clerk@example.org", is_staff=True))
    approve(clerk, Order.objects.get())

    assert of(alice).plan_id == "free"


@pytest.mark.parametrize("table", ["order", "invoice", "subscriptionchange", "webhookevent", "billingmail"])
def test_the_desk_shows_every_table(browser: Client, staff: Client, table: str) -> None:
    pay(browser, plan="premium")

    assert staff.get(f"/admin/billing/{table}/?q=alice").status_code == 200
