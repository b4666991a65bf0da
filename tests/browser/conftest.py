"""A real Chromium for the browser tests. A page that logs an error or breaks the CSP fails its test."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tools import chromium

# For a busy machine; what never comes is still told.
WITHIN_MS = 30_000
# Runs before the page's own scripts and is not bound by its CSP.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
  console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI || "inline"}`));
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.ADVICE)
    # Sync Playwright keeps a loop running in this thread, which Django would take for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=WITHIN_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Errors:
    """What pages complained about. A test that provokes an error says so: `errors.expect("400")`."""

    seen: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        self.expected.append(pattern)

    def note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.seen.append(f"{message.text} ({message.location.get('url', '')})")

    def unexpected(self) -> list[str]:
        return [text for text in self.seen if not any(re.search(each, text) for each in self.expected)]

    def watch(self, page: Page) -> None:
        page.on("console", self.note)
        page.on("pageerror", lambda error: self.seen.append(str(error)))


@pytest.fixture
def errors() -> Iterator[Errors]:
    found = Errors()
    yield found
    assert found.unexpected() == []


@pytest.fixture
def new_context(browser: Browser, errors: Errors) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browser contexts (another person, a telephone, dark mode …), all of them watched for errors."""
    contexts: list[BrowserContext] = []

    def open_context(**options: Any) -> BrowserContext:
        context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "service_workers": "block", **options}
        )
        context.set_default_timeout(WITHIN_MS)
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("page", errors.watch)
        contexts.append(context)
        return context

    yield open_context
    for context in contexts:
        context.close()


@pytest.fixture
def browser_page(new_context: Callable[..., BrowserContext]) -> Page:
    """One page, 1440 × 900, nobody signed in."""
    return new_context().new_page()
