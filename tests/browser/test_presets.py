"""Presets on the page: made, picked beside the question, kept by the conversation."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from chat.models import Conversation, Message
from presets import keeping
from presets.models import ModelPreset
from tests.browser.chatting import Chat
from tests.browser.flaws import flaws
from tests.live import Web
from tests.people import make_alice
from wisqu.accounts.models import User

QUICK = "[[words:3]] [[pace:fast]]"


@pytest.fixture
def alice(transactional_db: None) -> User:
    return make_alice()


@pytest.fixture
def terse(alice: User) -> ModelPreset:
    values = {"name": "Terse", "system_prompt": "Be terse.", "model": "openai/gpt-4o-mini"}
    return keeping.make(owner_id=alice.id, values=values)


@pytest.fixture
def chat(browser_page: Page, live: Web, alice: User, terse: ModelPreset) -> Chat:
    return Chat(browser_page, live, alice)


def picked(chat: Chat) -> Locator:
    return chat.page.get_by_label("Preset", exact=True).locator("option:checked")


def last_preset() -> str:
    return Message.objects.filter(role="assistant").latest("id").preset["name"]


def test_a_preset_is_picked_kept_by_its_conversation_and_changed(chat: Chat, terse: ModelPreset) -> None:
    picker = chat.page.get_by_label("Preset", exact=True)
    expect(picked(chat)).to_have_text("Knowledge assistant")
    picker.select_option(label="Terse")
    expect(chat.page.locator("[data-model-button]")).to_contain_text("GPT-4o-mini")
    chat.ask(f"One {QUICK}")
    chat.wait_until("done")
    assert (last_preset(), Conversation.objects.get().preset) == ("Terse", terse)

    chat.page.reload()
    expect(picked(chat)).to_have_text("Terse")
    with chat.page.expect_response("**/api/v1/conversations/*"):
        picker.select_option(label="Translator")
    chat.ask(f"Two {QUICK}")
    chat.wait_until("done", count=2)
    assert last_preset() == "Translator"
    chat.answers.last.locator("[data-receipt] summary").click()
    expect(chat.answers.last.locator("[data-receipt] dl")).to_contain_text("Translator")


def test_a_chat_begins_from_the_shelf(chat: Chat) -> None:
    chat.page.goto(f"{chat.live.url}/presets")
    chat.page.get_by_role("link", name="Chat with Arabic tutor").click()
    chat.page.wait_for_load_state()
    expect(picked(chat)).to_have_text("Arabic tutor")
    chat.ask(f"One {QUICK}")
    chat.wait_until("done")
    assert last_preset() == "Arabic tutor"


def test_the_preset_pages_have_no_flaw_that_axe_finds_nor_scroll_sideways(
    chat: Chat, terse: ModelPreset
) -> None:
    house = ModelPreset.objects.get(slug="quran-study")
    User.objects.update(language="ar", theme="dark")
    chat.page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/presets", "/presets/new", f"/presets/{terse.id}", f"/presets/{house.id}"):
        chat.page.goto(chat.live.url + path)
        for details in chat.page.locator("details.more summary").all():
            details.click()
        assert flaws(chat.page) == []
        assert chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
