"""The chat page for everybody: keyboard alone, screen readers, contrast, small screens, both directions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chat.models import Conversation, Message
from tests.browser.chatting import Chat
from tests.browser.flaws import flaws
from tests.live import Web
from tests.people import make_alice
from wisqu.accounts.models import User

SAMPLE = """# Heading

A paragraph with `code`, a [link](https://example.org) and **strong** words.

- one
  - inner
- اثنان

> قُلْ هُوَ ٱللَّهُ أَحَدٌ
>
> — الإخلاص ١

| a | b |
|---|--:|
| 1 | 2 |

```python
def bees(count: int) -> str:
    return f"{count} bees"  # hum
```
"""


def sample_conversation(owner: User) -> Conversation:
    """Every look of an answer: finished, stopped, failed."""
    conversation = Conversation.objects.create(owner=owner, title="عسل and bees")
    last = None
    for depth, status in enumerate(("done", "stopped", "failed")):
        question = Message.objects.create(
            conversation=conversation,
            parent=last,
            role="user",
            content="What of bees?\nوالعسل؟",
            depth=depth * 2,
        )
        last = Message.objects.create(
            conversation=conversation,
            parent=question,
            role="assistant",
            content=SAMPLE,
            status=status,
            error_code="upstream_timeout" if status == "failed" else "",
            model="openai/gpt-4o",
            total_tokens=1284,
            total_ms=900,
            depth=depth * 2 + 1,
        )
    Conversation.objects.update(head=last)
    return conversation


def inspect(page: Page) -> None:
    assert flaws(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(
    ("language", "scheme"), [("en", "light"), ("en", "dark"), ("ar", "light"), ("ar", "dark")]
)
def test_the_page_is_accessible_and_fits(
    live: Web, new_context: Callable[..., BrowserContext], language: str, scheme: str, width: int
) -> None:
    alice = make_alice(language=language, name="Alice")
    conversation = sample_conversation(alice)
    page = new_context(viewport={"width": width, "height": 844}, color_scheme=scheme).new_page()
    chat = Chat(page, live, alice)
    inspect(page)
    assert page.evaluate("document.querySelector('[data-thread]').scrollTop") == 0
    chat.open(f"/c/{conversation.id}")
    page.locator(".receipt summary").first.click()
    inspect(page)
    if width == 390:
        page.locator("[data-open-side]").click()
        expect(page.locator("[data-side]")).to_be_in_viewport()
    page.locator(".person summary").click()
    inspect(page)


def test_everything_can_be_done_by_keyboard(browser_page: Page, live: Web) -> None:
    chat = Chat(browser_page, live, make_alice())
    keys = browser_page.keyboard
    expect(chat.composer).to_be_focused()
    keys.type("one")
    keys.press("Shift+Enter")
    keys.type("two [[reply:ok]] [[pace:fast]]")
    keys.press("Enter")
    chat.wait_until("done")
    assert chat.questions.last.locator("[data-text]").inner_text().startswith("one\ntwo")

    browser_page.locator("[data-entry-menu]").focus()
    keys.press("Enter")
    keys.press("Enter")
    keys.type("Renamed")
    keys.press("Enter")
    expect(chat.entries.first).to_have_text("Renamed")

    browser_page.locator("[data-entry-menu]").focus()
    keys.press("Enter")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        keys.press(key)
    expect(browser_page.get_by_role("dialog", name="Put into a folder")).to_be_visible()
    keys.press("Escape")
    expect(browser_page.locator("[data-entry-menu]")).to_be_focused()

    browser_page.locator(".person summary").focus()
    keys.press("Enter")
    expect(browser_page.get_by_role("link", name="Profile")).to_be_visible()
    keys.press("Escape")
    expect(browser_page.get_by_role("link", name="Profile")).to_be_hidden()

    keys.press("Control+k")
    expect(browser_page.get_by_role("combobox", name="Search in all conversations")).to_be_focused()
    keys.press("Escape")
    keys.press("Control+Shift+o")
    browser_page.wait_for_url(live.url + "/")
    expect(chat.composer).to_be_focused()


def test_enter_belongs_to_an_input_method_while_it_composes(browser_page: Page, live: Web) -> None:
    chat = Chat(browser_page, live, make_alice())
    chat.composer.fill("にほん")
    chat.composer.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})

    expect(chat.composer).to_have_value("にほん")
    expect(chat.questions).to_have_count(0)


def test_a_screen_reader_hears_the_beginning_and_the_whole_answer(browser_page: Page, live: Web) -> None:
    chat = Chat(browser_page, live, make_alice())
    said = browser_page.locator("[data-said]")
    chat.ask("[[words:150]] [[pace:20ms]]")
    expect(said).to_have_text("The answer is being written.")
    chat.wait_for_word("w30")
    expect(said).to_have_text("The answer is being written.")

    expect(said).to_contain_text("The answer is finished. w1 w2 w3")


def test_the_drawer_of_a_telephone_keeps_the_focus(
    live: Web, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    chat = Chat(page, live, make_alice())
    page.get_by_role("link", name="Open the list of conversations").click()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert not page.evaluate("document.querySelector('[data-room]').contains(document.activeElement)")
    page.locator("[data-close-side]").first.focus()
    page.keyboard.press("Escape")

    expect(page.locator("[data-side]")).not_to_be_in_viewport()
    expect(page.get_by_role("link", name="Open the list of conversations")).to_be_focused()
    expect(chat.composer).to_be_visible()


def test_controls_are_large_enough_for_a_finger(
    live: Web, new_context: Callable[..., BrowserContext]
) -> None:
    alice = make_alice()
    conversation = sample_conversation(alice)
    page = new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()
    chat = Chat(page, live, alice)
    chat.open(f"/c/{conversation.id}")
    small = page.evaluate(
        """[...document.querySelectorAll("button, .icon-button, .new, select, .button")]
           .filter(e => e.checkVisibility({ visibilityProperty: true }))
           .filter(e => Math.min(e.offsetHeight, e.offsetWidth) < 44).map(e => e.outerHTML)"""
    )

    assert small == []


def test_the_choice_of_colours_is_kept(browser_page: Page, live: Web) -> None:
    alice = make_alice()
    Chat(browser_page, live, alice)
    browser_page.locator(".person summary").click()
    with browser_page.expect_response("**/api/v1/auth/me") as answer:
        browser_page.get_by_role("button", name="Dark").click()

    assert answer.value.ok
    browser_page.reload()
    assert browser_page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_each_block_runs_its_own_way(browser_page: Page, live: Web) -> None:
    chat = Chat(browser_page, live, make_alice())
    chat.ask("[[reply:English first.\n\nثم بالعربية.\n\n- عسل\n- honey]] [[pace:fast]]")
    chat.wait_until("done")
    ways = chat.prose.evaluate(
        "root => [...root.querySelectorAll('p, ul, li')].map(e => getComputedStyle(e).direction)"
    )

    assert ways == ["ltr", "rtl", "rtl", "rtl", "ltr"]
