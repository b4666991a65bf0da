"""Choosing a model, and what an answer took: as a person sees it, by mouse, keys and finger."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from playwright.sync_api import BrowserContext, Page, expect

from chat import titlejobs
from chat.models import Conversation, TitleJob
from tests.browser.chatting import ANSWER_WITHIN_MS, Chat
from tests.live import Web
from tests.people import make_alice, make_user

QUICK = "[[pace:fast]]"


@pytest.fixture
def chat(browser_page: Page, live: Web) -> Chat:
    return Chat(browser_page, live, make_alice())


def open_list(page: Page) -> None:
    page.locator("[data-model-button]").click()
    expect(page.locator(".model.is-active")).to_be_visible()


def make_title() -> None:
    """Do the conversation's job as the worker does: in a thread that Playwright's loop does not run in."""

    def work() -> None:
        titlejobs.run(TitleJob.objects.get().id)
        connection.close()

    with ThreadPoolExecutor(1) as worker:
        worker.submit(work).result()


def shown_model(page: Page) -> str:
    return page.locator("[data-model-shown]").inner_text()


def test_a_model_is_found_by_typing_and_kept_for_its_conversation(chat: Chat) -> None:
    page = chat.page
    open_list(page)
    page.keyboard.type("4o mini")
    expect(page.locator(".model:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("[data-model-dialog]")).to_be_hidden()
    expect(page.locator("[data-model-button]")).to_be_focused()
    chat.ask(f"[[words:5]] {QUICK}")
    chat.wait_until("done")
    assert "gpt-4o-mini" in chat.answers.last.locator("[data-receipt] summary").inner_text()

    page.reload()
    assert shown_model(page) == "GPT-4o-mini"
    chat.open("/")
    assert shown_model(page) == "Claude Sonnet 4.5"  # another conversation begins with the usual one


def test_the_list_is_walked_with_keys(chat: Chat) -> None:
    page = chat.page
    page.locator("[data-model-button]").focus()
    page.keyboard.press("ArrowDown")
    active = page.locator(".model.is-active [data-usual]:not([hidden])")
    expect(active).to_be_visible()
    names = page.locator(".model:visible").evaluate_all("found => found.map(each => each.dataset.name)")
    for key, place in (("End", -1), ("ArrowDown", 0), ("ArrowUp", -1), ("Home", 0), ("ArrowDown", 1)):
        page.keyboard.press(key)
        expect(page.locator(".model.is-active")).to_have_attribute("data-name", names[place])
    search = page.locator("[data-model-search]")
    active_id = page.locator(".model.is-active").get_attribute("id")
    expect(search).to_have_attribute("aria-activedescendant", active_id or "")
    page.keyboard.press("Escape")
    expect(page.locator("[data-model-dialog]")).to_be_hidden()
    assert shown_model(page) == "Claude Sonnet 4.5"


def test_what_the_plan_lacks_is_locked_and_says_why(
    new_context: Callable[..., BrowserContext], live: Web
) -> None:
    context = new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    chat = Chat(context.new_page(), live, make_user(plan="free"))
    page = chat.page
    before = shown_model(page)
    open_list(page)
    sheet = page.locator("[data-model-dialog]").bounding_box()
    assert sheet is not None
    assert (sheet["x"], sheet["width"], round(sheet["y"] + sheet["height"])) == (0, 390, 844)
    page.locator(".model[aria-disabled=true]").last.tap(force=True)
    expect(page.locator("[data-said]")).to_have_text("Your plan does not have advanced models.")
    expect(page.locator("[data-model-dialog]")).to_be_visible()
    page.locator("[data-close-models]").tap()
    assert shown_model(page) == before


def test_receipt_total_and_title_are_the_same_live_and_after_a_reload(chat: Chat) -> None:
    page = chat.page
    system = "Zakat is due on savings held for a lunar year. " * 260
    chat.ask(f"{system} [[words:12]] {QUICK}")
    chat.wait_until("done")
    make_title()
    title = Conversation.objects.get().title
    expect(page.locator("[data-title]")).to_have_text(title, timeout=ANSWER_WITHIN_MS)
    expect(page.locator("[data-entry-title]").first).to_have_text(title)
    chat.ask(f"And on gold? [[words:9]] [[reasoning:4]] {QUICK}")
    chat.wait_until("done", count=2)

    def facts() -> list[str]:
        return page.locator("[data-receipt], [data-total-facts]").evaluate_all(
            "found => found.map(each => each.textContent.replace(/\\s+/g, ' '))"
        )

    live = facts()
    assert "from the cache" in live[-1]
    page.reload()
    assert facts() == live
