"""The pages of plan, usage and invoices, as a browser without JavaScript uses them."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from billing import subscriptions
from billing.amounts import Amounts
from billing.models import Invoice, MonthlyUsageQuota, Order, PlanLimit, Subscription, UsageWarning
from billing.periods import Period
from billing.spending import Day, bars, spending
from billing.subscriptions import Reason, Terms
from tests.accounts.test_pages import check_page
from tests.billing.held import hold, limit_to, record, settle
from tests.people import make_alice, make_charlie, make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

START = datetime(2026, 4, 1, 10, tzinfo=UTC)
APRIL = Period(START, datetime(2026, 5, 1, 10, tzinfo=UTC))
MIDDLE = datetime(2026, 4, 16, 10, tzinfo=UTC)
PAGES = ["usage", "plans", "plans/unlimited", "cancel", "invoices"]


@pytest.fixture(autouse=True)
def _sandbox(settings) -> None:
    settings.BILLING_PROVIDER, settings.DEBUG = "sandbox", True


@pytest.fixture(autouse=True)
def _middle_of_april():
    with time_machine.travel(MIDDLE, tick=False):
        yield


@pytest.fixture
def alice() -> User:
    """Pays for Premium by the month; half of it is over."""
    user = make_alice("free")
    subscribe(user, "premium")
    return user


def subscribe(user: User, slug: str, **terms: Any) -> None:
    plan = PlanLimit.objects.get(slug=slug)
    asked = Terms(plan=plan, **({"provider": "sandbox", "period": APRIL} | terms))
    subscriptions.subscribe(user_id=user.pk, terms=asked, reason=Reason.provider("sandbox", "Paid"))


def of(user: User) -> Subscription:
    return Subscription.objects.get(user=user)


def text(client: Client, path: str) -> str:
    """The words of a page, without its tags."""
    page = client.get(f"/billing/{path}").content.decode()
    return words(page[page.index("<main") :])


def words(html: str) -> str:
    apart = re.sub(r"</(?:td|th|dt|dd|p|h1|h2)>", " ", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", apart))


def card(client: Client, slug: str, query: str = "") -> str:
    """The words of one plan's card."""
    page = client.get(f"/billing/plans{query}").content.decode()
    found = page[page.index(f'aria-labelledby="plan-{slug}"') :]
    return words(found[: found.index("</section>")])


def make_invoice(user: User, **facts: Any) -> Invoice:
    order = Order.objects.create(
        user=user,
        plan=PlanLimit.objects.get(slug="premium"),
        kind="start",
        state="paid",
        provider=facts.get("provider", "sandbox"),
        amount=20,
    )
    paid = {"state": "paid", "paid_at": timezone.now(), "paid": Decimal("19.99")}
    money = {"subtotal": Decimal("19.99"), "total": Decimal("19.99"), "currency": "USD"}
    given = {"number": f"WQ-{uuid.uuid4()}", "provider": "sandbox", "order": order, **money, **paid, **facts}
    invoice = Invoice.objects.create(user=user, **given)
    invoice.lines.create(description="Premium · Monthly", amount=given["total"])
    return invoice


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole(alice: User, path: str) -> None:
    check_page(signed_in(alice).get(f"/billing/{path}"))


@pytest.mark.parametrize("path", [*PAGES, f"invoices/{uuid.uuid4()}"])
def test_a_stranger_is_asked_to_sign_in(path: str) -> None:
    assert Client().get(f"/billing/{path}")["Location"].startswith("/accounts/login/?next=/billing/")


@pytest.mark.parametrize("path", ["plans/unlimited", "cancel", "resume", "portal"])
def test_a_forged_post_changes_nothing(alice: User, path: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert strict.post(f"/billing/{path}").status_code == 403
    assert not of(alice).cancel_at_period_end


# --- Usage ------------------------------------------------------------------------------------------


def use(user: User, cost: str = "0.50", **charge: int) -> None:
    settle(hold(user, Amounts(messages=1)), Amounts(**{"messages": 1, "tokens": 1000, **charge}),
           cost_usd=Decimal(cost), cost_source="upstream", savings_usd=Decimal("0.125"))  # fmt: skip


def test_usage_tells_what_is_used_left_and_what_each_costs(alice: User) -> None:
    use(alice)
    use(alice)
    page = text(signed_in(alice), "usage")

    assert "Messages 2 / 2,000" in page
    assert "1,998 left $1.00 · $0.5000 a message" in page
    assert "$500.00 a million tokens" in page
    assert "Saved by caching $0.2500 20 % of what this month would have cost" in page


def test_usage_says_when_a_cost_is_not_known(alice: User) -> None:
    settle(hold(alice), Amounts(messages=1, tokens=5))

    assert "One answer is missing here" in text(signed_in(alice), "usage")


def test_costs_go_to_the_measure_they_were_for(alice: User) -> None:
    use(alice)
    record(alice, Amounts(messages=0, tokens=10), cost_usd=Decimal("0.25"), cost_source="upstream")
    spent = spending(alice.pk, APRIL)

    assert spent.cost("messages") == spent.cost("tokens") == Decimal("0.75")
    assert spent.cost("images") == 0
    assert spent.each("audio_minutes", 0) is None


def test_days_are_those_of_the_reader(alice: User) -> None:
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    with time_machine.travel(datetime(2026, 4, 15, 20, tzinfo=UTC), tick=False):
        use(alice)
    page = signed_in(alice).get("/billing/usage").content.decode()

    assert "<title>04/16/2026: 1</title>" in page


def test_bars_fill_the_drawing_and_an_empty_day_shows_none() -> None:
    days = [Day(START.date(), messages=number) for number in (0, 1, 400)]

    assert [bar.height for bar in bars(days)] == ["0.00%", "3.00%", "100.00%"]


def test_another_ones_use_is_not_shown(alice: User) -> None:
    use(alice)
    page = text(signed_in(make_charlie("premium")), "usage")

    assert "Messages 0 / 2,000" in page
    assert "Nothing yet in this month" in page


def test_a_warning_is_hidden_by_its_owner_alone(alice: User) -> None:
    limit_to("premium", messages=1)
    use(alice)
    warning = UsageWarning.objects.filter(user=alice).first()
    assert warning
    client, charlie = signed_in(alice), signed_in(make_charlie())
    address = f"/billing/warnings/{warning.id}/dismiss"
    assert "Messages: all 1 are used" in text(client, "usage")

    assert charlie.post(address).status_code == 404
    assert client.post(address, {"back": "https://evil.example/"})["Location"] == "/billing/usage"
    assert client.post(address, {"back": "/c/x"})["Location"] == "/c/x"
    assert "are used" not in text(client, "usage")


def test_the_pages_take_few_queries_however_much_there_is(alice: User, django_assert_num_queries) -> None:
    for _ in range(4):
        use(alice)
        make_invoice(alice)
    client = signed_in(alice)
    queries = {"usage": 5, "plans": 5, "invoices": 3}  # each: session and user, subscription, its own

    for path, number in queries.items():
        with django_assert_num_queries(number):
            client.get(f"/billing/{path}")


# --- Plans ------------------------------------------------------------------------------------------


def test_the_present_plan_is_marked(alice: User) -> None:
    client = signed_in(alice)

    assert "Your plan" in card(client, "premium")
    assert "Your plan" not in card(client, "unlimited")
    assert "Paid until May 1, 2026, then it renews." in text(client, "plans")


def test_an_upgrade_says_what_is_paid_now(alice: User) -> None:
    client = signed_in(alice)

    assert "$40.00 now, begins at once" in card(client, "unlimited")  # half of 99.99 less half of 19.99
    page = text(client, "plans/unlimited")
    assert "Unlimited, remaining time $50.00 Premium, unused time −$10.00 To pay now $40.00" in page


def test_an_upgrade_waits_for_its_payment(alice: User) -> None:
    client = signed_in(alice)
    to_pay = client.post("/billing/plans/unlimited")["Location"]
    assert to_pay.startswith("/billing/sandbox/")
    assert of(alice).plan_id == "premium"
    assert "Unlimited: $40.00 are not paid yet. Go on paying" in text(client, "plans")

    client.post(to_pay, {"answer": "pay"})
    assert of(alice).plan_id == "unlimited"
    assert "Your payment has arrived" in text(client, "plans?paid=1")


def test_coming_back_before_the_payment_is_known_says_so(alice: User) -> None:
    client = signed_in(alice)
    client.post("/billing/plans/unlimited")
    Order.objects.update(provider="stripe")
    page = text(client, "plans?paid=1")  # no Stripe to be reached here

    assert "Your payment is being confirmed" in page
    assert of(alice).plan_id == "premium"


@pytest.mark.parametrize(("answer", "told"), [("decline", "Decline the card"), ("refuse_3ds", "3-D Secure")])
def test_who_comes_back_from_a_declined_payment_is_not_thanked(alice: User, answer: str, told: str) -> None:
    client = signed_in(alice)
    to_pay = client.post("/billing/plans/unlimited")["Location"]
    said = client.post(to_pay, {"answer": answer}).content.decode()
    back = text(client, "plans?paid=1")

    assert told in words(said)
    assert "The payment was declined. Nothing was changed" in back
    assert "Thank you" not in back


def test_an_address_that_claims_a_payment_is_not_believed(alice: User) -> None:
    assert "Thank you" not in text(signed_in(alice), "plans?paid=1")


def test_a_smaller_plan_begins_when_the_paid_time_ends(alice: User) -> None:
    subscribe(alice, "unlimited")
    client = signed_in(alice)
    assert "begins on May 1, 2026" in card(client, "premium")

    page = client.post("/billing/plans/premium", follow=True).content.decode()
    assert "From May 1, 2026 on you are on Premium." in page
    assert (of(alice).plan_id, of(alice).pending_plan_id) == ("unlimited", "premium")
    assert "Chosen, begins on May 1, 2026" in card(client, "premium")


def test_yearly_prices_show_where_plans_have_them(alice: User) -> None:
    client = signed_in(alice)
    assert "Yearly" not in text(client, "plans")
    PlanLimit.objects.filter(slug="premium").update(price_usd_year=Decimal("199.90"))

    assert "$199.90 a year Pay by the year $189.90 now" in card(client, "premium", "?interval=year")
    assert "$99.99 a month" in card(client, "unlimited", "?interval=year")
    assert "$19.99 a month" in card(client, "premium", "?interval=nonsense")


def test_somebody_on_free_is_offered_the_whole_price() -> None:
    client = signed_in(make_user("bob@example.org"))

    assert "$19.99 now, begins at once" in card(client, "premium")
    assert "It renews" not in text(client, "plans/premium")
    assert client.get("/billing/cancel")["Location"] == "/billing/plans"


def test_who_was_given_a_plan_is_told_so() -> None:
    client = signed_in(make_user("bob@example.org", "unlimited"))

    assert "It was given to you. You pay nothing for it." in text(client, "plans")
    assert "without paying" in card(client, "premium")


@pytest.mark.parametrize(("provider", "told"), [("", "nothing is charged"), ("stripe", "Then it is charged")])
def test_a_trial_says_whether_it_will_be_charged(alice: User, provider: str, told: str) -> None:
    subscribe(alice, "premium", provider=provider, is_trial=True)

    assert told in text(signed_in(alice), "plans")


def test_a_missing_payment_is_told_and_can_be_made(alice: User) -> None:
    with time_machine.travel(APRIL.end + timedelta(days=2), tick=False):
        client = signed_in(alice)
        assert "Your plan goes on until May 8, 2026" in text(client, "plans")
        assert "Pay now" in card(client, "premium")


@pytest.mark.parametrize("slug", ["gold", "%3Cb%3E"])
def test_a_plan_that_is_none_is_not_found(alice: User, slug: str) -> None:
    assert signed_in(alice).get(f"/billing/plans/{slug}").status_code == 404


def test_choosing_the_present_plan_changes_nothing_and_says_so(alice: User) -> None:
    page = signed_in(alice).post("/billing/plans/premium", follow=True).content.decode()

    assert "You are on this plan already." in page
    assert not Order.objects.exists()


def test_forged_fields_give_nothing(alice: User) -> None:
    forged = {"plan": "enterprise", "amount": "0", "status": "active", "kind": "start", "provider": ""}
    signed_in(alice).post("/billing/plans/unlimited", forged)

    assert (of(alice).plan_id, Order.objects.get().amount) == ("premium", Decimal("40.00"))


def test_only_pages_that_lead_to_stripe_may_send_forms_there(alice: User) -> None:
    client = signed_in(alice)

    def rule(path: str) -> bool:
        return "checkout.stripe.com" in client.get(f"/billing/{path}")["Content-Security-Policy"]

    assert rule("plans/unlimited")
    assert not rule("usage")


# --- Cancel and resume ------------------------------------------------------------------------------


def test_canceling_takes_two_clicks_and_keeps_what_is_paid(alice: User) -> None:
    client = signed_in(alice)
    assert 'href="/billing/cancel"' in client.get("/billing/plans").content.decode()  # the first
    assert "You keep Premium until May 1, 2026, since it is paid for." in text(client, "cancel")

    page = client.post("/billing/cancel", follow=True).content.decode()  # the second
    assert "Canceled. You keep Premium until May 1, 2026." in page
    assert (of(alice).plan_id, of(alice).cancel_at_period_end) == ("premium", True)


def test_resuming_takes_one(alice: User) -> None:
    client = signed_in(alice)
    client.post("/billing/cancel")
    assert "Keep Premium" in text(client, "plans")

    assert "Premium goes on." in client.post("/billing/resume", follow=True).content.decode()
    assert not of(alice).cancel_at_period_end


def test_ending_at_once_is_possible(alice: User) -> None:
    page = signed_in(alice).post("/billing/cancel", {"at": "now"}, follow=True).content.decode()

    assert "Canceled. You are on the Free plan now." in page
    assert of(alice).plan_id == "free"


def test_what_cannot_be_done_says_why(alice: User) -> None:
    client = signed_in(alice)

    assert "Nothing was canceled." in client.post("/billing/resume", follow=True).content.decode()
    assert "nothing to manage elsewhere" in client.post("/billing/portal", follow=True).content.decode()


# --- Invoices ---------------------------------------------------------------------------------------


def test_a_receipt_shows_exact_amounts_in_its_currency(alice: User) -> None:
    invoice = make_invoice(alice, currency="EUR", tax=Decimal("3.19"), subtotal=Decimal("16.80"))
    client = signed_in(alice)

    assert f"{invoice.number} April 16, 2026 Paid €19.99" in text(client, "invoices")
    page = text(client, f"invoices/{invoice.pk}")
    assert f"Receipt {invoice.number}" in page
    assert "Before tax €16.80 Tax €3.19 Total €19.99" in page


def test_an_open_invoice_tells_how_it_is_paid(alice: User) -> None:
    open_one = {"state": "open", "paid_at": None, "paid": Decimal(0)}
    by_hand = make_invoice(alice, provider="manual", **open_one)
    page = text(signed_in(alice), f"invoices/{by_hand.pk}")

    assert "Name the number above when you pay." in page
    assert "Receipt" not in page


def test_charlie_sees_no_invoice_of_alice(alice: User) -> None:
    invoice, charlie = make_invoice(alice), signed_in(make_charlie())

    assert charlie.get(f"/billing/invoices/{invoice.pk}").status_code == 404
    assert invoice.number not in text(charlie, "invoices")


def test_a_draft_is_not_shown(alice: User) -> None:
    draft = make_invoice(alice, state="draft", paid_at=None)

    assert signed_in(alice).get(f"/billing/invoices/{draft.pk}").status_code == 404


# --- Words ------------------------------------------------------------------------------------------


def test_hostile_names_stay_words(alice: User) -> None:
    evil = "<img src=x>"
    invoice = make_invoice(alice)
    invoice.lines.update(description=evil)
    PlanLimit.objects.filter(slug="unlimited").update(name=evil)
    alice.name = evil
    alice.save()
    client = signed_in(alice)

    for path in ("plans", "plans/unlimited", f"invoices/{invoice.pk}"):
        assert "<img" not in client.get(f"/billing/{path}").content.decode()


def test_amounts_keep_their_direction_in_a_page_from_right_to_left(alice: User) -> None:
    alice.language = "ar"
    alice.save()
    page = signed_in(alice).get("/billing/plans").content.decode()

    assert '<html lang="ar" dir="rtl"' in page
    assert '<bdi class="large figures">$19.99</bdi>' in page


def test_the_meter_beside_the_chat_shows_the_fullest_measure_from_sixty_percent_on(alice: User) -> None:
    use(alice)
    client = signed_in(alice)

    def meter() -> str:
        page = client.get("/").content.decode()
        return re.search(r'<a class="meter.*?</a>', page, re.DOTALL)[0]

    assert " hidden " in meter()
    MonthlyUsageQuota.objects.filter(user=alice).update(used_tokens=3_100_000, used_messages=1)
    shown = meter()
    assert (" hidden " in shown, "Tokens" in shown, "3,100,000 / 5,000,000" in shown) == (False, True, True)
