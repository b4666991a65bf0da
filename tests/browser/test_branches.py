"""Versions, ratings and what else one does with a message; the list kept in order; finding and sharing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chat import search
from chat.models import Conversation, Feedback, Folder, Message, Share, TitleJob
from tests.browser.chatting import Chat
from tests.browser.test_chat_access import inspect, sample_conversation
from tests.live import Web
from tests.people import make_alice

QUICK = "[[pace:fast]]"


@pytest.fixture
def chat(browser_page: Page, live: Web) -> Chat:
    return Chat(browser_page, live, make_alice(name="Alice Munro"))


def long_talk(chat: Chat, exchanges: int) -> Conversation:
    """A conversation of q0, a0, q1 … that can be searched."""
    conversation = Conversation.objects.create(owner=chat.user, title="Long")
    rows: list[Message] = []
    for depth in range(exchanges * 2):
        role = Message.Role.ASSISTANT if depth % 2 else Message.Role.USER
        content = f"{'a' if depth % 2 else 'q'}{depth // 2}"
        parent = rows[-1] if rows else None
        rows.append(
            Message(conversation=conversation, parent=parent, role=role, content=content, depth=depth)
        )
    Message.objects.bulk_create(rows)
    search.remember(chat.user.pk, *rows)
    Conversation.objects.update(head=rows[-1])
    return conversation


def test_an_answer_is_written_again_and_both_can_be_walked(chat: Chat) -> None:
    chat.ask(f"[[words:8]] {QUICK}")
    chat.wait_until("done")
    chat.answers.last.hover()
    chat.page.get_by_role("button", name="Answer again").click()
    expect(chat.answers.last.locator("[data-branch-text]")).to_have_text("2 / 2")
    chat.wait_until("done")
    chat.page.get_by_role("link", name="The version before").click()
    expect(chat.answers.last.locator("[data-branch-text]")).to_have_text("1 / 2")
    chat.page.reload()
    expect(chat.answers.last.locator("[data-branch-text]")).to_have_text("1 / 2")
    assert Message.objects.filter(role="assistant").count() == 2


def test_a_question_is_edited_and_the_first_wording_stays(chat: Chat) -> None:
    chat.ask(f"[[reply:one]] {QUICK}")
    chat.wait_until("done")
    chat.ask(f"[[reply:two]] {QUICK}")
    chat.wait_until("done", count=2)
    chat.questions.first.hover()
    chat.questions.first.get_by_role("button", name="Edit the question").click()
    field = chat.page.get_by_label("The question's new wording")
    field.fill(f"[[reply:other]] {QUICK}")
    field.press("Enter")
    chat.wait_until("done")
    assert chat.read() == "other"
    chat.questions.first.get_by_role("link", name="The version before").click()
    expect(chat.answers).to_have_count(2)
    assert chat.read() == "two"


def test_one_goes_on_from_an_earlier_answer_and_deletes_from_there(chat: Chat) -> None:
    for number, word in enumerate(("one", "two")):
        chat.ask(f"[[reply:{word}]] {QUICK}")
        chat.wait_until("done", count=number + 1)
    chat.answers.first.get_by_role("button", name="More").click()
    chat.page.get_by_role("menuitem", name="Go on from here").click()
    chat.ask(f"[[reply:three]] {QUICK}")
    expect(chat.questions.last.locator("[data-branch-text]")).to_have_text("2 / 2")
    chat.wait_until("done", count=2)
    chat.answers.last.get_by_role("button", name="More").click()
    chat.page.get_by_role("menuitem", name="Delete from here on").click()
    chat.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(chat.prose).to_have_text("two")
    assert Message.objects.count() == 4


def test_answers_are_rated_with_a_reason_and_consent(chat: Chat) -> None:
    chat.ask(f"[[reply:ok]] {QUICK}")
    chat.wait_until("done")
    chat.page.get_by_role("button", name="Not a good answer").click()
    dialog = chat.page.get_by_role("dialog", name="What was not good?")
    dialog.get_by_label("Reason").select_option("sources")
    dialog.get_by_label("In your words").fill("Which book?")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Send").click()
    expect(chat.page.get_by_text("Thank you.")).to_be_visible()
    given = Feedback.objects.get()
    assert (given.rating, given.reason, given.note, given.may_be_read) == (
        "down",
        "sources",
        "Which book?",
        True,
    )
    chat.page.reload()
    button = chat.page.get_by_role("button", name="Not a good answer")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert not Feedback.objects.exists()


def test_the_palette_finds_a_message_and_jumps_to_it(chat: Chat) -> None:
    conversation = long_talk(chat, 200)
    # As a keyboard with Persian letters says it.
    chat.page.evaluate("""() => document.body.dispatchEvent(new KeyboardEvent("keydown",
      { key: "ن", code: "KeyK", ctrlKey: true, bubbles: true, cancelable: true }))""")
    chat.page.keyboard.type("a77")
    option = chat.page.locator("[data-palette]").get_by_role("option")
    expect(option).to_have_count(1)
    expect(option.locator("mark")).to_have_text("a77")
    chat.page.keyboard.press("Enter")
    chat.page.wait_for_url(re.compile(f"/c/{conversation.id}"))
    found = chat.page.locator(".answer.is-meant")
    expect(found.locator("[data-prose]")).to_have_text("a77")
    expect(found).to_be_in_viewport()
    # Only the thread scrolls: a page that does loses its head.
    assert chat.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    thread = chat.page.locator("[data-thread]")
    while not chat.page.get_by_text("a199", exact=True).count():
        thread.evaluate("box => { box.scrollTop = box.scrollHeight; }")
        chat.page.wait_for_timeout(100)
    thread.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    expect(chat.page.get_by_text("a199", exact=True)).to_be_in_viewport()
    texts = chat.page.locator(".answer [data-prose]").all_inner_texts()
    numbers = [int(text.strip()[1:]) for text in texts]
    assert numbers == list(range(numbers[0], 200))


def test_a_question_after_a_jump_follows_the_end(chat: Chat) -> None:
    conversation = long_talk(chat, 100)
    target = Message.objects.get(content="a20")
    chat.open(f"/c/{conversation.id}?at={target.id}#m-{target.id}")
    chat.ask(f"[[reply:the end]] {QUICK}")
    expect(chat.page.get_by_text("the end", exact=True)).to_be_visible()
    assert Message.objects.get(role="user", depth=200).parent.content == "a99"


def test_conversations_are_pinned_put_into_folders_and_archived(chat: Chat) -> None:
    Conversation.objects.bulk_create(Conversation(owner=chat.user, title=f"t{n}") for n in range(3))
    chat.page.reload()

    def act(title: str, name: str) -> None:
        entry = chat.page.locator("[data-entry]", has_text=title)
        entry.hover()
        entry.locator("[data-entry-menu]").click()
        chat.page.get_by_role("menuitem", name=name).click()

    act("t0", "Pin")
    expect(chat.page.locator('[data-group="pinned"] [data-entry-title]')).to_have_text("t0")
    act("t1", "Put into a folder")
    chat.page.get_by_label("Folder", exact=True).select_option("new")
    chat.page.get_by_label("Its name").fill("Fiqh")
    chat.page.get_by_role("button", name="Save").click()
    chat.page.get_by_role("link", name="Fiqh").click()
    expect(chat.entries).to_have_text(["t1"])
    assert Folder.objects.get().conversations.get().title == "t1"
    chat.page.get_by_role("link", name="All").click()
    act("t2", "Archive")
    expect(chat.entries).to_have_count(2)
    chat.page.get_by_role("link", name="Archive").click()
    expect(chat.entries).to_have_text(["t2"])
    # The name of a folder that there is means that folder; one that is deleted while it is shown gives way to all.
    act("t2", "Put into a folder")
    chat.page.get_by_label("Folder", exact=True).select_option("new")
    chat.page.get_by_label("Its name").fill("Fiqh")
    chat.page.get_by_role("button", name="Save").click()
    expect(chat.page.locator("[data-entry][data-folder]", has_text="t2")).to_be_visible()
    chat.page.get_by_role("link", name="Fiqh").click()
    act("t1", "Put into a folder")
    chat.page.get_by_role("button", name="Delete this folder").click()
    expect(chat.page.locator("[data-places] [aria-current]")).to_have_text("All")
    expect(chat.entries).to_have_text(["t0", "t1"])


def test_many_are_deleted_at_once_and_come_back(chat: Chat) -> None:
    Conversation.objects.bulk_create(Conversation(owner=chat.user, title=f"t{n}") for n in range(44))
    chat.page.reload()
    chat.page.get_by_role("button", name="Select several").click()
    boxes = chat.page.get_by_role("checkbox", name="Select")
    boxes.last.scroll_into_view_if_needed()
    expect(boxes).to_have_count(44)  # the older ones, too
    for box in [boxes.first, boxes.nth(1), boxes.last]:
        box.check()
    expect(chat.page.get_by_text("3 selected")).to_be_visible()
    chat.page.locator("[data-delete-chosen]").click()
    expect(chat.entries).to_have_count(41)
    expect(chat.page.get_by_text("3 conversations deleted.")).to_be_visible()
    chat.page.get_by_role("button", name="Undo").click()
    expect(chat.entries.first).to_have_text("t43")


def test_a_conversation_is_shared_and_the_link_revoked(
    chat: Chat, new_context: Callable[..., BrowserContext], errors
) -> None:
    chat.ask(f"[[reply:for everybody]] {QUICK}")
    chat.wait_until("done")
    chat.page.get_by_role("button", name="Share", exact=True).click()
    chat.page.get_by_role("button", name="Make a link").click()
    link = chat.page.get_by_label("The link")
    expect(link).to_have_value(re.compile("/s/"))
    expect(chat.page.get_by_role("button", name="Update the link")).to_be_visible()
    chat.page.get_by_label("With all that is still to come").check()
    chat.page.get_by_role("button", name="Update the link").click()
    expect(chat.page.locator("[data-make-share]")).to_be_hidden()  # it shows everything from now on
    stranger = new_context(viewport={"width": 390, "height": 844}).new_page()
    stranger.goto(link.input_value())
    expect(stranger.get_by_text("for everybody", exact=True)).to_be_visible()
    expect(stranger.get_by_text("Alice")).to_have_count(0)
    inspect(stranger)
    chat.page.get_by_role("button", name="Stop sharing").click()
    expect(link).to_be_hidden()
    assert not Share.objects.exists()
    errors.expect("404")
    assert stranger.reload().status == 404


def test_a_title_is_suggested_on_demand(chat: Chat) -> None:
    conversation = long_talk(chat, 1)
    chat.open(f"/c/{conversation.id}")
    chat.entries.first.hover()
    chat.page.locator("[data-entry-menu]").first.click()
    chat.page.get_by_role("menuitem", name="Suggest a title").click()
    expect(chat.page.get_by_text("A title is being found.")).to_be_visible()
    assert TitleJob.objects.get().conversation_id == conversation.id


def test_code_and_formulas_of_a_shared_conversation_are_dressed(
    chat: Chat, new_context: Callable[..., BrowserContext]
) -> None:
    conversation = long_talk(chat, 1)
    Message.objects.filter(role="assistant").update(content="$x^2$\n\n```python\nprint(1)\n```")
    Share.objects.create(conversation=conversation, head=conversation.head, token="t" * 43, title="Sums")
    stranger = new_context(viewport={"width": 390, "height": 844}).new_page()
    stranger.goto(f"{chat.live.url}/s/{'t' * 43}")
    expect(stranger.locator(".katex")).to_have_count(1)
    expect(stranger.locator(".hljs-built_in")).to_have_text("print")
    expect(stranger.get_by_role("button", name="Copy code")).to_be_visible()
    inspect(stranger)


def test_an_answer_is_copied_as_markdown_as_plain_text_and_by_the_keyboard(chat: Chat) -> None:
    conversation = long_talk(chat, 1)
    Message.objects.filter(role="assistant").update(content="**Peace**\n\n- upon you")
    chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat.open(f"/c/{conversation.id}")
    pasted = "async () => navigator.clipboard.readText()"
    chat.answers.last.locator("[data-copy]").click()
    expect(chat.answers.last.locator("[data-copy][data-done]")).to_be_visible()
    assert chat.page.evaluate(pasted) == "**Peace**\n\n- upon you"
    chat.answers.last.locator("[data-message-menu]").click()
    chat.page.get_by_role("menuitem", name="Copy as plain text").click()
    chat.page.wait_for_function("async () => !(await navigator.clipboard.readText()).includes('*')")
    assert chat.page.evaluate(pasted).split() == ["Peace", "upon", "you"]
    chat.page.keyboard.press("Control+Shift+c")
    chat.page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('**')")


def test_a_temporary_chat_leaves_nothing(chat: Chat) -> None:
    chat.page.get_by_role("button", name="Temporary chat").click()
    chat.ask(f"[[reply:gone soon]] {QUICK}")
    chat.wait_until("done")
    expect(chat.entries).to_have_count(0)
    assert Conversation.objects.get().is_temporary
    chat.page.goto("about:blank")
    chat.open("/")
    for _ in range(50):
        if not Conversation.objects.exists():
            break
        chat.page.wait_for_timeout(100)
    assert not Conversation.objects.exists()


def test_the_keyboard_does_what_its_list_says(chat: Chat) -> None:
    keys = chat.page.keyboard
    chat.ask("[[words:2000]] [[pace:20ms]]")
    chat.wait_for_word("w3")
    keys.press("Escape")
    chat.wait_until("stopped")
    chat.composer.focus()
    keys.press("ArrowUp")
    expect(chat.page.get_by_label("The question's new wording")).to_be_focused()
    keys.press("Escape")
    chat.page.locator("[data-thread]").focus()
    keys.press("?")
    expect(chat.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    inspect(chat.page)
    keys.press("Escape")
    keys.press("/")
    expect(chat.composer).to_be_focused()
    keys.press("Control+Shift+s")
    expect(chat.page.locator("[data-side]")).to_be_hidden()


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("ar", 390)])
def test_dialogs_and_tools_are_accessible_and_fit(
    live: Web, new_context: Callable[..., BrowserContext], language: str, width: int
) -> None:
    alice = make_alice(language=language)
    conversation = sample_conversation(alice)
    page = new_context(viewport={"width": width, "height": 844}).new_page()
    chat = Chat(page, live, alice)
    chat.open(f"/c/{conversation.id}")
    chat.answers.first.locator("[data-message-menu]").click()
    inspect(page)
    page.keyboard.press("Escape")
    chat.answers.first.locator('[data-rate="down"]').click()
    inspect(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    inspect(page)
    page.keyboard.press("Escape")
    page.locator("[data-share-shown]").click()
    expect(page.locator("[data-share-dialog]")).to_be_visible()
    inspect(page)


def test_conversations_are_taken_along_and_brought_in(chat: Chat, tmp_path) -> None:
    long_talk(chat, 3)
    chat.page.locator(".person summary").click()
    chat.page.get_by_role("button", name="Import and export").click()
    with chat.page.expect_download() as download:
        chat.page.get_by_role("link", name="Export everything").click()
    file = tmp_path / "all.zip"
    download.value.save_as(file)
    chat.page.locator("[data-import-file]").set_input_files(file)
    expect(chat.page.get_by_text("1 conversation was taken over.")).to_be_visible()
    chat.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(chat.entries).to_have_count(2)
    assert Message.objects.count() == 12
