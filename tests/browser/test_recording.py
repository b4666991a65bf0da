"""Speaking instead of typing, with Chromium's own microphone that beeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from billing.models import MonthlyUsageQuota, PlanLimit
from chat.models import Attachment
from tests.browser.chatting import Chat
from tests.browser.conftest import REPORT_VIOLATIONS, WITHIN_MS, Errors
from tests.live import Web
from tests.people import make_alice
from tools import chromium


@pytest.fixture
def hearing(browser: Browser, errors: Errors) -> Iterator[BrowserContext]:
    """A browser with a microphone; the shared one has none."""
    options = [
        "--no-sandbox",
        "--disable-gpu",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ]
    with_microphone = browser.browser_type.launch(executable_path=chromium.find(), args=options)
    context = with_microphone.new_context(
        viewport={"width": 1440, "height": 900}, service_workers="block", permissions=["microphone"]
    )
    context.set_default_timeout(WITHIN_MS)
    context.add_init_script(REPORT_VIOLATIONS)
    context.on("page", errors.watch)
    yield context
    with_microphone.close()


def start(page: Page) -> None:
    page.get_by_role("button", name="Speak instead of typing").click()
    expect(page.locator("[data-recording-state]")).to_have_text("Recording…")
    expect(page.get_by_role("button", name="Insert text")).to_be_focused()
    expect(page.locator("[data-recording-time]")).to_have_text("0:01")


def test_what_is_said_is_written_attached_or_thrown_away(
    hearing: BrowserContext, live: Web, errors: Errors
) -> None:
    errors.expect("400")  # of the quota, below
    page = hearing.new_page()
    response = page.request.get(live.url + "/accounts/login/")
    assert "microphone=(self)" in response.headers["permissions-policy"]
    chat = Chat(page, live, make_alice())
    chat.composer.fill("Before after")
    chat.composer.evaluate("field => field.setSelectionRange(6, 6)")
    start(page)
    page.get_by_role("button", name="Insert text").click()
    expect(chat.composer).to_have_value(
        "Before This is a sample transcription from the sandbox. The recording was not listened to by any model. after"
    )
    expect(chat.composer).to_be_focused()
    assert 1 <= MonthlyUsageQuota.objects.get().used_audio_seconds <= 5

    start(page)
    page.keyboard.press("Escape")
    expect(page.locator("[data-recording]")).to_be_hidden()
    expect(page.get_by_role("button", name="Speak instead of typing")).to_be_focused()

    start(page)
    page.get_by_role("button", name="Attach").last.click()
    expect(page.locator("[data-chip='done']")).to_contain_text("recording-")
    recording = Attachment.objects.get()
    assert (recording.family, recording.media_type) == ("audio", "audio/ogg")
    assert 1000 <= (recording.duration_ms or 0) <= 5000

    PlanLimit.objects.update(audio_minutes=0)
    start(page)
    page.get_by_role("button", name="Insert text").click()
    expect(page.locator("[data-recording-state]")).to_contain_text("audio minute")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    PlanLimit.objects.update(audio_minutes=100)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-recording]")).to_be_hidden()


def test_a_refused_microphone_is_explained(browser_page: Page, live: Web) -> None:
    chat = Chat(browser_page, live, make_alice())
    browser_page.evaluate(
        """() => {
          navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
        }"""
    )
    browser_page.get_by_role("button", name="Speak instead of typing").click()
    expect(browser_page.locator("[data-refusal-text]")).to_contain_text(
        "The microphone is blocked for this site."
    )
    expect(chat.composer).to_be_visible()
    expect(browser_page.locator("[data-recording]")).to_be_hidden()
