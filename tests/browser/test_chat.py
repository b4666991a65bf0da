"""A person chats: asks, watches, reloads, stops, comes back, keeps order in the list."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from billing.models import MonthlyUsageQuota
from billing.plans import subscription_for
from chat.models import Conversation, Message
from tests.browser.chatting import Chat, counted_words
from tests.live import Web
from tests.people import make_alice

SLOWLY = "[[pace:25ms]]"


@pytest.fixture
def chat(browser_page: Page, live: Web) -> Chat:
    return Chat(browser_page, live, make_alice(name="Alice Munro"))


def test_an_answer_streams_in_and_the_conversation_gets_its_place(chat: Chat) -> None:
    chat.ask(f"[[words:60]] {SLOWLY}")
    chat.wait_for_word("w5")
    assert chat.answers.last.get_attribute("data-status") == "streaming"
    chat.wait_until("done")

    assert chat.read() == counted_words(60)
    assert re.search(r"/c/[0-9a-f-]{36}$", chat.page.url)
    expect(chat.entries.first).to_have_attribute("aria-current", "page")
    assert "tokens" in chat.answers.last.locator("[data-receipt] summary").inner_text()


def test_a_reload_in_the_middle_keeps_every_word(chat: Chat) -> None:
    chat.ask(f"[[words:150]] {SLOWLY}")
    chat.wait_for_word("w20")
    chat.page.reload()
    chat.wait_for_word("w20")
    chat.wait_until("done")

    assert chat.read() == counted_words(150)
    chat.page.reload()
    assert chat.read() == counted_words(150)


def test_an_answer_that_ended_while_nobody_looked_is_whole(chat: Chat) -> None:
    chat.ask(f"[[words:40]] {SLOWLY}")
    chat.wait_for_word("w3")
    address = chat.page.url
    chat.page.goto("about:blank")
    chat.page.wait_for_timeout(2500)
    chat.page.goto(address)

    chat.wait_until("done")
    assert chat.read() == counted_words(40)


def test_stopping_keeps_what_was_written(chat: Chat) -> None:
    chat.ask("[[words:2000]] [[pace:20ms]]")
    chat.wait_for_word("w10")
    chat.page.get_by_role("button", name="Stop").click()
    chat.wait_until("stopped")

    assert chat.read().startswith(counted_words(10))
    assert "Stopped" in chat.answers.last.locator("[data-receipt] summary").inner_text()
    expect(chat.page.get_by_role("button", name="Send")).to_be_visible()


def test_a_second_question_follows_the_first(chat: Chat) -> None:
    chat.ask("[[reply:first]] [[pace:fast]]")
    chat.wait_until("done")
    chat.ask("[[reply:second]] [[pace:fast]]")
    chat.wait_until("done", count=2)

    assert chat.read() == "second"
    assert Conversation.objects.count() == 1
    assert Message.objects.filter(role="user").exclude(parent=None).count() == 1


def test_a_failed_answer_can_be_tried_again(chat: Chat) -> None:
    chat.ask("[[words:40]] [[pace:fast]] [[fault:error-mid times=6 after=2 key=again]]")
    chat.wait_until("failed")
    expect(chat.answers.last.get_by_text("Try again")).to_be_visible()
    chat.answers.last.get_by_role("button", name="Try again").click()
    chat.wait_until("done")

    assert chat.read() == counted_words(40)
    for _ in range(2):
        assert chat.questions.count() == 1
        assert chat.answers.count() == 1
        chat.page.reload()


def test_an_answer_at_its_limit_says_so_at_once_and_later(chat: Chat) -> None:
    chat.ask("[[words:20]] [[pace:fast]] [[fault:length]]")
    chat.wait_until("done")

    for _ in range(2):
        expect(chat.answers.last.get_by_text("The answer reached its length limit.")).to_be_visible()
        chat.page.reload()


def test_an_empty_answer_offers_another_try(chat: Chat) -> None:
    chat.ask("[[reply:at last]] [[pace:fast]] [[fault:empty times=6 key=void]]")
    chat.wait_until("failed")
    expect(chat.answers.last.locator("[data-failure-text]")).to_have_text(
        "The model gave no answer. Try again."
    )
    chat.answers.last.get_by_role("button", name="Try again").click()
    chat.wait_until("done")

    assert chat.read() == "at last"


def test_what_broke_off_is_kept(chat: Chat) -> None:
    chat.ask("[[words:50]] [[pace:fast]] [[fault:cut after=5]]")
    chat.wait_until("failed")

    expect(chat.answers.last.locator("[data-failure-text]")).to_contain_text("broke off")
    assert chat.read().startswith("w1 w2")


def test_a_broken_line_opens_again_and_no_word_is_lost(browser_page: Page, live: Web) -> None:
    opened: list[WebSocketRoute] = []

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        opened.append(socket)
        heard: list[object] = []

        def pass_on(text: str | bytes) -> None:
            heard.append(text)
            socket.send(text)
            if len(opened) < 3 and len(heard) == 15:
                server.close()
                socket.close(code=1012)

        server.on_message(pass_on)

    browser_page.route_web_socket(re.compile("/ws/chat"), relay)
    chat = Chat(browser_page, live, make_alice())
    chat.ask(f"[[words:150]] {SLOWLY}")
    chat.wait_until("done")

    assert len(opened) >= 3
    assert chat.read() == counted_words(150)
    assert Message.objects.filter(role="user").count() == 1


def test_a_question_whose_receipt_was_lost_is_asked_once(browser_page: Page, live: Web) -> None:
    opened: list[WebSocketRoute] = []

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        opened.append(socket)
        if len(opened) > 1:
            return

        def swallow(text: str | bytes) -> None:
            server.close()
            socket.close(code=1012)

        server.on_message(swallow)

    browser_page.route_web_socket(re.compile("/ws/chat"), relay)
    chat = Chat(browser_page, live, make_alice())
    chat.ask(f"[[words:40]] {SLOWLY}")
    chat.wait_until("done")

    assert chat.read() == counted_words(40)
    assert Message.objects.filter(role="user").count() == 1


def test_two_tabs_see_the_same(chat: Chat, live: Web) -> None:
    chat.ask("[[reply:first]] [[pace:fast]]")
    chat.wait_until("done")
    other = Chat(chat.page.context.new_page(), live, chat.user)
    other.open(chat.page.url.removeprefix(live.url))
    chat.ask(f"[[words:80]] {SLOWLY}")
    other.wait_until("streaming", count=2)
    chat.wait_until("done", count=2)
    other.wait_until("done", count=2)

    assert other.read() == chat.read() == counted_words(80)


def test_what_is_asked_offline_is_sent_when_the_line_is_back(chat: Chat, errors) -> None:
    errors.expect("ERR_INTERNET_DISCONNECTED|WebSocket")
    chat.page.context.set_offline(True)
    expect(chat.page.locator("[data-banner]")).to_contain_text("offline")
    chat.ask("[[reply:welcome back]] [[pace:fast]]")
    waits = chat.answers.last.get_by_text("Waiting for the connection.")
    expect(waits).to_be_visible()
    chat.page.context.set_offline(False)
    chat.wait_until("done")

    assert chat.read() == "welcome back"
    expect(waits).to_be_hidden()
    expect(chat.page.locator("[data-banner]")).to_be_hidden()


def test_a_line_that_stays_lost_is_told(browser_page: Page, live: Web) -> None:
    opened: list[WebSocketRoute] = []

    def refuse(socket: WebSocketRoute) -> None:
        opened.append(socket)
        socket.close(code=1012)

    browser_page.route_web_socket(re.compile("/ws/chat"), refuse)
    chat = Chat(browser_page, live, make_alice())

    expect(chat.page.locator("[data-banner]")).to_contain_text("Connection lost")
    assert len(opened) > 1
    chat.ask("still there?")
    expect(chat.answers.last.get_by_text("Waiting for the connection.")).to_be_visible()


def test_an_unsent_text_survives_a_reload(chat: Chat) -> None:
    chat.composer.fill("half a thought")
    chat.page.reload()

    expect(chat.composer).to_have_value("half a thought")


def test_a_spent_quota_gives_the_text_back(chat: Chat) -> None:
    period = subscription_for(chat.user.id).period(timezone.now())
    MonthlyUsageQuota.objects.create(
        user=chat.user, period_start=period.start, period_end=period.end, used_messages=2000
    )
    chat.ask("one more, please")

    expect(chat.page.locator("[data-refusal]")).to_contain_text("All 2,000 messages of this month are used")
    expect(chat.composer).to_have_value("one more, please")
    expect(chat.answers).to_have_count(0)


def test_a_conversation_is_renamed_in_place(chat: Chat) -> None:
    chat.ask("[[reply:ok]] [[pace:fast]]")
    chat.wait_until("done")
    chat.page.locator("[data-entry]").hover()
    chat.page.get_by_role("button", name="What to do with this conversation").click()
    chat.page.get_by_role("menuitem", name="Rename").click()
    chat.page.get_by_label("Rename", exact=True).fill("Bees and honey")
    chat.page.keyboard.press("Enter")

    expect(chat.page.get_by_role("heading", level=1)).to_have_text("Bees and honey")
    expect(chat.entries.first).to_have_text("Bees and honey")
    chat.page.reload()
    expect(chat.entries.first).to_have_text("Bees and honey")


def test_a_conversation_is_deleted_and_the_page_after_it_offers_the_way_back(chat: Chat) -> None:
    chat.ask("[[reply:ok]] [[pace:fast]]")
    chat.wait_until("done")
    chat.page.locator("[data-entry]").hover()
    chat.page.get_by_role("button", name="What to do with this conversation").click()
    chat.page.get_by_role("menuitem", name="Delete").click()
    chat.page.wait_for_url(chat.live.url + "/")

    expect(chat.entries).to_have_count(0)
    assert Conversation.objects.get().deleted_at is not None
    chat.page.get_by_role("button", name="Undo").click()
    expect(chat.entries).to_have_count(1)
    assert Conversation.objects.get().deleted_at is None


def test_earlier_messages_come_when_they_are_wanted(chat: Chat) -> None:
    conversation = Conversation.objects.create(owner=chat.user, title="Long")
    last = None
    for number in range(35):
        question = Message.objects.create(
            conversation=conversation, parent=last, role="user", content=f"q{number}", depth=number * 2
        )
        last = Message.objects.create(
            conversation=conversation,
            parent=question,
            role="assistant",
            content=f"a{number}",
            depth=number * 2 + 1,
        )
    Conversation.objects.update(head=last)
    chat.open(f"/c/{conversation.id}")
    expect(chat.answers).to_have_count(25)
    chat.page.get_by_role("link", name="Earlier messages").click()

    expect(chat.answers).to_have_count(35)
    expect(chat.page.get_by_role("link", name="Earlier messages")).to_have_count(0)


def test_the_list_goes_on_when_its_end_is_reached(chat: Chat) -> None:
    Conversation.objects.bulk_create(Conversation(owner=chat.user, title=f"t{n}") for n in range(90))
    chat.page.reload()
    expect(chat.entries).to_have_count(40)
    for count in (80, 90):
        chat.page.locator("[data-list]").evaluate("list => list.scrollTo(0, list.scrollHeight)")
        expect(chat.entries).to_have_count(count)

    assert len(set(chat.entries.all_inner_texts())) == 90


def test_a_reader_further_up_is_left_in_peace(chat: Chat) -> None:
    chat.ask("[[words:1500]] [[pace:fast]]")
    chat.wait_until("done")
    chat.ask(f"[[words:1500]] {SLOWLY}")
    chat.wait_until("streaming", count=2)
    chat.wait_for_word("w10")
    thread = chat.page.locator("[data-thread]")
    thread.hover()
    chat.page.mouse.wheel(0, -600)
    chat.page.wait_for_timeout(1_000)
    before = thread.evaluate("box => box.scrollTop")
    chat.wait_for_word("w60")

    assert thread.evaluate("box => box.scrollTop") == before
    chat.page.get_by_role("button", name="To the end").click()
    assert thread.evaluate("box => box.scrollHeight - box.clientHeight - box.scrollTop") < 60


def test_finished_blocks_stay_in_place_while_the_rest_is_written(chat: Chat) -> None:
    chat.ask("[[reply:first block\n\nsecond block\n\n" + "word " * 60 + f"]] {SLOWLY}")
    chat.wait_for_word("word word word")
    chat.page.evaluate("document.querySelector('[data-messages] .prose > p').isMine = true")
    chat.wait_until("done")

    assert chat.page.evaluate("document.querySelector('[data-messages] .prose > p').isMine")


def test_nothing_jumps_while_text_arrives(chat: Chat) -> None:
    chat.page.evaluate(
        """() => {
          window.shifted = 0;
          const add = entry => { window.shifted += entry.value; };
          new PerformanceObserver(list => list.getEntries().forEach(add)).observe({ type: "layout-shift" });
        }"""
    )
    chat.ask("Show me a table, some code and a list")
    chat.wait_until("done")

    assert chat.page.evaluate("window.shifted") < 0.1


def test_a_signed_out_person_is_told_and_keeps_the_text(chat: Chat, errors) -> None:
    errors.expect("WebSocket|401|403")
    type(chat.user).objects.update(is_active=False)
    chat.composer.fill("not lost")
    banner = chat.page.locator("[data-banner]")

    expect(banner).to_contain_text("You are signed out", timeout=30_000)
    expect(banner.get_by_role("link", name="Sign in")).to_be_visible()
    expect(chat.composer).to_have_value("not lost")


def test_history_is_readable_without_scripts(live: Web, new_context: Callable[..., BrowserContext]) -> None:
    alice = make_alice()
    conversation = Conversation.objects.create(owner=alice, title="Old")
    question = Message.objects.create(conversation=conversation, role="user", content="why?")
    conversation.head = Message.objects.create(
        conversation=conversation, parent=question, role="assistant", content="**because**", depth=1
    )
    conversation.save()
    page = new_context(java_script_enabled=False).new_page()
    chat = Chat(page, live, alice)
    chat.open(f"/c/{conversation.id}")

    assert chat.read() == "because"
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
