"""Quotations on the page: marked live and in the history, told in words, for everybody; the pages of the text."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from billing.models import PlanLimit
from chat import checking, sharing
from chat.models import Conversation, Message
from tests.browser.chatting import Chat, bring_session
from tests.browser.flaws import flaws
from tests.live import Web
from tests.people import make_alice
from wisqu.accounts.models import User
from wisqu.scripture import verses

TEXT = """Patience is praised often: ﴿إن الله مع الصابرين﴾ (2:153).

> ﴿قل هو الله أحد الله الصمد﴾

But this is not its wording: قال الله تعالى: ﴿إن الله مع الظالمين﴾, and neither is there a Quran 2:300.

- See also Quran 2:255 and `Quran 2:256`.
"""


def conversation_with(owner: User, text: str) -> Conversation:
    """A conversation as the end of a turn leaves it."""
    conversation = Conversation.objects.create(owner=owner, title="About patience")
    question = Message.objects.create(conversation=conversation, role="user", content="What of patience?")
    found = checking.find(text)
    conversation.head = Message.objects.create(
        conversation=conversation, parent=question, role="assistant", content=text, depth=1, model="openai/gpt-4o",
        quotations=found.quotations, references=found.references,
    )  # fmt: skip
    conversation.save()
    return conversation


def inspect(page: Page) -> None:
    assert flaws(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def marks(page: Page) -> list[str]:
    """What the last answer's marks say, in their order."""
    found: list[str] = page.locator(".answer:visible").last.locator(".prose .seal").all_inner_texts()
    return [text.strip() for text in found]


def test_quotations_are_marked_live_and_in_the_history_and_explained(browser_page: Page, live: Web) -> None:
    PlanLimit.objects.update(quotation_repair=False)
    chat = Chat(browser_page, live, make_alice())
    chat.ask(f"[[pace:fast]] [[reply:{TEXT.replace('`', '')}]]")
    chat.wait_until("done")
    page = chat.page
    expect(page.locator(".seal.altered")).to_be_visible()
    told = marks(page)
    assert [text for text in told if text in ("Altered", "No such verse")] == ["Altered", "No such verse"]
    expect(page.locator("mark.wrong")).to_have_text("الظالمين")
    expect(chat.prose).to_contain_text(" ".join(verses.verse(2, 153).split()[-4:]))
    page.reload()
    expect(page.locator(".seal.altered")).to_be_visible()
    assert marks(page) == told

    page.locator("[data-checked] summary").click()
    note = page.locator(".finding.altered")
    expect(note).to_be_hidden()
    page.locator(".seal.altered").click()
    expect(note).to_be_visible()
    expect(note).to_be_focused()
    expect(note).to_contain_text("the Qur'an says")
    page.locator(".seal.genuine").first.click()
    expect(page).to_have_url(f"{live.url}/quran/2/153")
    page.get_by_role("link", name="Ask about it").click()
    expect(chat.composer).to_have_value(
        "Explain Al-Baqarah 2:153: its wording, its context, and what commentators say."
    )


def test_a_verse_is_looked_up_and_a_mended_answer_keeps_its_first_version(
    browser_page: Page, live: Web
) -> None:
    chat = Chat(browser_page, live, make_alice())
    chat.ask("آية الكرسي")
    chat.wait_until("done")
    expect(chat.answers.last.locator("[data-receipt-line]")).to_contain_text("WisQu: the text itself")
    expect(chat.prose.locator(".seal.genuine")).to_be_visible()
    chat.ask("Quote [[pace:fast]] [[reply:قال الله تعالى: ﴿إن الله مع الظالمين﴾ والله أعلم بالصواب]]")
    chat.wait_until("done", count=2)
    expect(chat.answers.last.locator("[data-branch-text]")).to_have_text("2 / 2")
    expect(chat.prose.locator(".seal.genuine")).to_be_visible()
    expect(chat.prose.locator(".seal.altered")).to_have_count(0)


def test_everybody_can_read_the_findings(live: Web, new_context: Callable[..., BrowserContext]) -> None:
    alice = make_alice()
    conversation = conversation_with(alice, TEXT)
    shared = sharing.document(sharing.share(owner_id=alice.pk, conversation_id=conversation.id))["path"]
    for language, scheme, width in (("en", "light", 1440), ("ar", "dark", 390)):
        User.objects.update(language=language)
        context = new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=language)
        bring_session(context, live, alice)
        page = context.new_page()
        for path in (
            f"/c/{conversation.id}",
            shared,
            "/quran",
            "/quran/2",
            "/quran/2/255",
            "/quran?q=الصابرين",
        ):
            page.goto(live.url + path)
            inspect(page)
