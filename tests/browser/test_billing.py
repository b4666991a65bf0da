"""The pages of plan, usage, invoices and help in a browser: a whole life of a plan, and what everybody can read."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from billing.amounts import Amounts
from billing.models import MonthlyUsageQuota, Subscription
from tests.accounts.clients import make_verified
from tests.billing.held import hold, limit_to, settle
from tests.browser.test_accounts import inspect
from tests.live import Web
from tests.people import PASSWORD
from wisqu.accounts.models import User


def enter(page: Page, live: Web, **fields: str) -> User:
    """Sign in somebody who has used a little of the month."""
    alice = make_verified(**fields)
    for tokens in (700, 1500):
        settle(
            hold(alice), Amounts(messages=1, tokens=tokens), cost_usd=Decimal("0.02"), cost_source="upstream"
        )
    page.goto(f"{live.url}/accounts/login/?next=/billing/usage")
    page.locator("[name=login]").fill("alice@example.org")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/billing/usage")
    return alice


def test_a_plan_is_bought_enlarged_canceled_and_kept(live: Web, new_context) -> None:
    page = new_context().new_page()
    alice = enter(page, live)
    page.get_by_role("link", name="Plans", exact=True).click()
    page.get_by_role("link", name="Choose Premium").click()
    page.get_by_role("button", name="Go on to pay $19.99").click()
    expect(page.get_by_text("This is a sandbox.")).to_be_visible()
    inspect(page)
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Your payment has arrived.")

    page.get_by_role("link", name="Upgrade Unlimited").click()
    page.get_by_role("button", name=re.compile("Go on to pay")).click()
    page.get_by_role("button", name="Decline the card").click()
    page.goto(f"{live.url}/billing/plans")
    expect(page.locator(".plan.present h2")).to_contain_text("Premium")

    page.get_by_role("link", name="Cancel my plan").click()
    page.get_by_role("button", name="Cancel my plan").click()
    expect(page.get_by_role("status")).to_contain_text("You keep Premium until")
    page.get_by_role("button", name="Keep Premium").click()
    expect(page.get_by_role("status")).to_have_text("Premium goes on.")
    assert Subscription.objects.get(user=alice).plan_id == "premium"

    page.get_by_role("link", name="Invoices", exact=True).click()
    page.get_by_role("row", name=re.compile(r"Paid .*\$19\.99")).get_by_role("link").click()
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation").first).to_be_hidden()
    page.emulate_media(media="screen")
    inspect(page)


@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(1440, "light", "en"), (390, "dark", "en"), (390, "light", "ar")]
)
def test_every_page_is_accessible_and_fits(live: Web, new_context, width, scheme, language) -> None:
    page = new_context(viewport={"width": width, "height": 844}, color_scheme=scheme).new_page()
    limit_to("free", messages=2)
    enter(page, live, language=language)
    page.locator(".chart + details summary").click()
    inspect(page)
    for path in ("billing/plans", "billing/plans/premium", "billing/invoices", "support"):
        page.goto(f"{live.url}/{path}")
        inspect(page)
    page.locator("[name=subject]").fill("Why?")
    page.locator("[name=text]").fill("لماذا؟")
    page.locator("form.ask button[type=submit]").first.click()
    page.wait_for_url("**/support/*-*")
    inspect(page)


def test_a_warning_and_the_meter_stand_by_the_chat(live: Web, new_context) -> None:
    page = new_context().new_page()
    limit_to("free", messages=2)
    alice = enter(page, live)
    page.goto(live.url)
    expect(page.locator("[data-meter]")).to_have_text(re.compile(r"Messages\s*2 / 2"))
    page.locator("[data-composer] textarea, textarea").first.fill("half a question")
    page.get_by_role("button", name="Hide this notice").first.click()
    expect(page.locator(".usage-warning")).to_have_count(0)
    expect(page.locator("textarea").first).to_have_value("half a question")

    limit_to("free", messages=100)
    MonthlyUsageQuota.objects.filter(user=alice).update(used_messages=1)
    page.reload()
    expect(page.locator("[data-meter]")).to_be_hidden()
    expect(page.locator(".usage-warning")).to_have_count(0)
