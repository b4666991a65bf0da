"""The chat page as a person meets it: sign in, ask, wait, read."""

from __future__ import annotations

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.live import Web
from wisqu.accounts.models import User

ANSWER_WITHIN_MS = 60_000


def bring_session(context: BrowserContext, live: Web, user: User) -> None:
    """Sign the person in without the form, whose own tests are elsewhere."""
    client = Client()
    client.force_login(user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live.url}])


class Chat:
    """One open chat page of a person who is signed in."""

    def __init__(self, page: Page, live: Web, user: User) -> None:
        self.page, self.live, self.user = page, live, user
        bring_session(page.context, live, user)
        self.open("/")

    def open(self, path: str) -> None:
        self.page.goto(self.live.url + path)
        expect(self.composer).to_be_visible()

    @property
    def composer(self) -> Locator:
        return self.page.locator("#question")

    @property
    def answers(self) -> Locator:
        return self.page.locator("[data-messages] .answer:visible")

    @property
    def questions(self) -> Locator:
        return self.page.locator("[data-messages] .ask:visible")

    @property
    def prose(self) -> Locator:
        """The text of the last answer."""
        return self.answers.last.locator("[data-prose]")

    @property
    def entries(self) -> Locator:
        return self.page.locator("[data-list] [data-entry-title]")

    def ask(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def wait_until(self, status: str, *, count: int = 1) -> None:
        """Wait for so many answers, the last of them with that status."""
        expect(self.answers).to_have_count(count, timeout=ANSWER_WITHIN_MS)
        expect(self.answers.last).to_have_attribute("data-status", status, timeout=ANSWER_WITHIN_MS)

    def wait_for_word(self, word: str) -> None:
        expect(self.prose).to_contain_text(word, timeout=ANSWER_WITHIN_MS)

    def read(self) -> str:
        """The last answer's text as it is on the page."""
        return self.prose.inner_text().strip()


def counted_words(number: int) -> str:
    """What the sandbox answers to `[[words:number]]`."""
    return " ".join(f"w{n}" for n in range(1, number + 1))
