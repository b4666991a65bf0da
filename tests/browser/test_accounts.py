"""The account pages in a browser: what scripts add, and what people with screen readers meet."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.accounts.clients import make_verified
from tests.browser.flaws import flaws
from tests.live import Web
from tests.people import PASSWORD

OUTSIDE = ["login", "signup", "password/reset", "confirm-email", "inactive"]
INSIDE = ["profile", "keys", "delete", "password/change", "email", "logout"]


def sign_in(page: Page, live: Web, **fields: str) -> None:
    make_verified(**fields)
    page.goto(f"{live.url}/accounts/login/?next=/accounts/profile/")
    page.get_by_label("E-mail address").fill("alice@example.org")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/accounts/profile/")


def inspect(page: Page) -> None:
    assert flaws(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_page_is_accessible_and_fits(live: Web, new_context, width: int, scheme: str):
    page = new_context(viewport={"width": width, "height": 844}, color_scheme=scheme).new_page()
    for name in OUTSIDE:
        page.goto(f"{live.url}/accounts/{name}/")
        inspect(page)
    sign_in(page, live)
    for name in INSIDE:
        page.goto(f"{live.url}/accounts/{name}/")
        inspect(page)


def test_a_right_to_left_page_is_accessible_and_fits(live: Web, new_context):
    page = new_context(viewport={"width": 390, "height": 844}).new_page()
    sign_in(page, live, language="ar")
    for name in INSIDE:
        page.goto(f"{live.url}/accounts/{name}/")
        assert page.evaluate("document.documentElement.dir") == "rtl"
        inspect(page)


def test_a_new_key_is_copied_with_one_click(live: Web, new_context):
    context = new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    sign_in(page, live)
    page.goto(f"{live.url}/accounts/keys/")
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#new-key").inner_text()


def test_a_password_can_be_looked_at(live: Web, browser_page: Page):
    browser_page.goto(f"{live.url}/accounts/login/")
    browser_page.locator("[name=password]").fill("secret words")
    browser_page.get_by_role("button", name="Show").click()
    assert browser_page.locator("[name=password]").get_attribute("type") == "text"


def test_the_device_offers_its_time_zone(live: Web, new_context):
    page = new_context(timezone_id="Asia/Tehran").new_page()
    sign_in(page, live)
    page.get_by_role("button", name="Asia/Tehran").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tehran")


def test_everything_works_without_scripts(live: Web, new_context):
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, live)
    page.get_by_label("Name").fill("ليلى")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    page.get_by_role("button", name="Sign out here").click()
    page.wait_for_url("**/accounts/login/")
