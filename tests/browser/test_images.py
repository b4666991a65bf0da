"""Images as a person meets them: wishing on their own page and in the chat, watching them come, looking, undoing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from imagery.models import GeneratedImage
from tests.browser.chatting import Chat, bring_session
from tests.browser.flaws import flaws
from tests.imagery.working import worker
from tests.live import Web
from tests.people import make_alice, make_user

QUICK = "[[pace:fast]]"
COMES_WITHIN_MS = 60_000


def tiles(page: Page, status: str):
    return page.locator(f'.tile[data-status="{status}"]')


def make(page: Page, prompt: str, *, number: str = "1") -> None:
    page.select_option("[data-number]", number)
    page.fill("[data-prompt]", f"{prompt} {QUICK}")
    page.click("[data-make]")


def test_the_gallery_fills_by_itself_and_an_image_can_be_looked_at_thrown_away_and_brought_back(
    live: Web, browser_page: Page
) -> None:
    page = browser_page
    bring_session(page.context, live, make_alice())
    page.goto(f"{live.url}/images")
    expect(page.locator("[data-none]")).to_be_visible()
    page.locator('[name=shape][value="16:9"]').check(force=True)
    make(page, "A courtyard at dawn", number="2")
    expect(tiles(page, "queued")).to_have_count(2)
    with worker():
        expect(tiles(page, "done")).to_have_count(2, timeout=COMES_WITHIN_MS)
        make(page, "One that is not allowed [[fault:403]]")
        expect(tiles(page, "failed")).to_contain_text("rules", timeout=COMES_WITHIN_MS)
    expect(page.locator("[data-meter]")).to_have_text("98 of 100 left this month")
    assert flaws(page) == []

    page.locator("[data-open]:visible").first.click()
    view = page.locator("[data-view]")
    first = view.locator("[data-view-picture]").get_attribute("src")
    expect(view).to_contain_text("512 × 288")
    page.keyboard.press("ArrowRight")
    expect(view.locator("[data-view-picture]")).not_to_have_attribute("src", str(first))
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert re.fullmatch(r"wisqu-\d{8}-\d{6}-\w{4}\.png", download.value.suggested_filename)
    page.keyboard.press("Delete")
    expect(tiles(page, "done")).to_have_count(1)
    page.click("[data-toast-action]")
    expect(tiles(page, "done")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(view).to_be_hidden()

    page.fill("[data-sift-words]", "courtyard")
    expect(page.locator(".tile")).to_have_count(2)
    page.fill("[data-sift-words]", "nowhere")
    expect(page.locator("[data-none-found]")).to_be_visible()


def test_an_image_wished_for_in_the_chat_arrives_in_its_thread_and_can_go_with_a_question(
    live: Web, browser_page: Page
) -> None:
    chat = Chat(browser_page, live, make_alice())
    page = browser_page
    chat.ask(f"What is a muqarnas? {QUICK}")
    chat.wait_until("done")
    page.click("[data-imaging]")
    chat.ask(f"A vault of muqarnas {QUICK}")
    made = page.locator(".made")
    expect(made).to_have_attribute("data-status", "queued")
    with worker():
        expect(made).to_have_attribute("data-status", "done", timeout=COMES_WITHIN_MS)
    page.reload()
    expect(page.locator(".answer + .made img")).to_be_visible()
    image = GeneratedImage.objects.get()
    assert str(image.conversation_id) in page.url
    made.locator("[data-attach]").click()
    expect(page.locator("[data-attachments] [data-chip=done]")).to_have_count(1, timeout=COMES_WITHIN_MS)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_plan_without_images_says_so_and_the_page_fits_a_telephone(
    live: Web, new_context: Callable[..., BrowserContext], language: str
) -> None:
    context = new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    bring_session(context, live, make_user("free@example.org", "free", language=language))
    page = context.new_page()
    page.goto(f"{live.url}/images")
    expect(page.locator(".notice .icon").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert flaws(page) == []
