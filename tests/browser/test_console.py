"""The console in a browser: the four questions from the start page, by keyboard too, and what everybody can read."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from billing.amounts import Amounts
from tests.billing.held import hold, limit_to, settle
from tests.browser.flaws import flaws
from tests.console.staff import answered, desk_of
from tests.live import Web
from tests.people import PASSWORD, make_user
from wisqu.accounts.models import User


def inspect(page: Page) -> None:
    assert flaws(page, reads_sheets=False) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def enter(page: Page, live: Web, **fields: str) -> User:
    """Sign in as staff, with a person who is near a limit and had an answer fail."""
    boss = User.objects.create_superuser("boss@example.org", PASSWORD, **fields)
    limit_to("free", messages=10)
    bilal = make_user("bilal@example.org")
    spent = {"model": "openai/gpt-4o-mini", "cost_usd": Decimal("0.25"), "cost_source": "upstream"}
    settle(hold(bilal, Amounts(messages=9)), Amounts(messages=9), **spent)
    answered(bilal, status="failed", error_code="upstream_timeout")
    page.goto(f"{live.url}/accounts/login/?next=/admin/")
    page.locator("[name=login]").fill(boss.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/admin/")
    return bilal


def test_the_start_page_leads_to_a_person_a_failure_and_a_remedy(live: Web, new_context) -> None:
    page = new_context().new_page()
    bilal = enter(page, live)
    expect(page.get_by_role("heading", name="Yesterday we spent")).to_be_visible()
    chart = page.get_by_role("slider").first
    chart.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"Revenue \$0\.00"))
    page.get_by_text("As a table").first.click()
    expect(page.get_by_role("columnheader", name="Cost").first).to_be_visible()
    inspect(page)

    page.get_by_label("E-mail address, or the id of the answer").fill("bilal@")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The model took too long to answer.")).to_be_visible()
    page.get_by_text("Give extra quota").first.click()
    page.locator("[name=giveextra-amount]").fill("20")
    page.locator("[name=giveextra-why]").fill("An outage took his messages")
    inspect(page)
    page.get_by_role("button", name="Give extra quota").click()
    expect(page.get_by_text("9 / 30")).to_be_visible()
    page.get_by_role("row", name=re.compile("Failed")).get_by_role("link").click()
    expect(page.get_by_role("heading", name="Why it failed")).to_be_visible()
    inspect(page)

    page.goto(f"{live.url}/admin/billing/planlimit/free/change/")
    page.locator("[name=messages]").fill("5")
    page.locator("[name=why]").fill("A test")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Whom this touches")).to_be_visible()
    inspect(page)
    page.get_by_role("button", name="Save it like this").click()
    page.wait_for_url("**/planlimit/")
    assert bilal.subscription.plan_id == "free"


@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(1440, "dark", "en"), (390, "light", "en"), (390, "dark", "ar")]
)
def test_every_page_is_accessible_and_fits(live: Web, new_context, width, scheme, language) -> None:
    page = new_context(viewport={"width": width, "height": 844}, color_scheme=scheme).new_page()
    bilal = enter(page, live, language=language)
    inspect(page)
    for address in (
        desk_of(bilal),
        "/admin/billing/ledgerentry/",
        "/admin/accounts/user/",
        "/admin/console/auditentry/",
    ):
        page.goto(live.url + address)
        inspect(page)
    page.goto(f"{live.url}/admin/accounts/user/{bilal.pk}/change/")
    inspect(page)
