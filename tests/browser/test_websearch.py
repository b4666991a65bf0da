"""Searching the web on the page: the switch, numbered marks in the answer, sources under it, now and later."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from playwright.sync_api import Locator, Page, expect

from billing.models import PlanLimit
from chat.models import Message
from chat.rendering import render
from tests.browser.chatting import Chat
from tests.browser.test_chat_safety import NORMAL
from tests.clients import Api
from tests.live import Web
from tests.people import make_alice

QUESTION = "What is new? [[reply:**It** is so 🌍.]] [[pace:fast]]"


@pytest.fixture
def chat(browser_page: Page, live: Web) -> Chat:
    return Chat(browser_page, live, make_alice())


def assert_cited(answer: Locator) -> None:
    """Three sources, each marked once by its number, safely linked."""
    marks = answer.locator(".prose a.cite")
    expect(marks).to_have_text(["1", "2", "3"])
    expect(answer.locator("[data-sources] li")).to_have_count(3)
    first = answer.locator("[data-sources] li").first
    expect(first).to_contain_text("Sample encyclopaedia")
    expect(first).to_contain_text("example.org")
    for link in (marks.first, first.locator("a")):
        expect(link).to_have_attribute("href", "https://example.org/encyclopaedia")
        expect(link).to_have_attribute("rel", "noopener nofollow noreferrer")
        expect(link).to_have_attribute("referrerpolicy", "no-referrer")
        expect(link).to_have_attribute("target", "_blank")


def test_an_answer_from_the_web_names_its_pages(chat: Chat, live: Web) -> None:
    switch = chat.page.get_by_role("button", name="Search the web")
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    where = chat.page.get_by_role("button", name="Where to search")
    where.click()
    sheet = chat.page.locator("[data-web-dialog]")
    sheet.get_by_label("Search without these sites").check()
    sheet.locator("#web-sites").fill("localhost")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet.get_by_role("alert")).to_have_text("Name sites such as example.org, one a line.")
    sheet.locator("#web-sites").fill("https://Spam.example/path?x\nمثال.إختبار")
    sheet.get_by_label("Pages to find on the web").select_option("3")
    sheet.get_by_role("button", name="Save").click()
    expect(where).to_have_attribute("title", re.compile(r"spam\.example, مثال\.إختبار\nPages to find .*: 3$"))
    chat.ask(QUESTION)
    chat.wait_until("done")
    assert Message.objects.get(role="assistant").applied["web_search_options"]["value"] == {
        "max_results": 3,
        "allowed_domains": [],
        "excluded_domains": ["spam.example", "xn--mgbh0fb.xn--kgbechtv"],
    }
    assert_cited(chat.answers.last)
    chat.answers.last.locator("[data-receipt] summary").click()
    expect(chat.answers.last.locator("[data-receipt] dl")).to_contain_text("Web searches")
    expect(chat.answers.last.locator("[data-receipt] dl")).to_contain_text("$0.0070")
    chat.page.reload()
    assert_cited(chat.answers.last)
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(where).to_have_attribute("title", re.compile(r"spam\.example"))
    path = (
        Api(live, chat.user)
        .post(f"/conversations/{Message.objects.first().conversation_id}/share")
        .json()["path"]
    )
    chat.page.goto(live.url + path)
    assert_cited(chat.page.locator(".answer"))


def test_a_plan_without_it_says_so(chat: Chat) -> None:
    PlanLimit.objects.update(web_search=False)
    chat.open("/")
    chat.page.get_by_role("button", name="Search the web").click(force=True)
    expect(chat.page.locator("[data-toast]")).to_contain_text("Your plan does not search the web.")
    call_command("seed_plans", verbosity=0)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("**Bold.** And 🌍 more.\n\n- one\n- two", [9, 17, 26, 900]),
        ("See [this](https://a.example/مقالة) and `code` $x$ end", [20, 41, 45, 0]),
        (
            "```\nx\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n\nhttps://a.example/x?y",
            [5, 9, 15, 25, 55, 66, 0],
        ),
    ],
)
def test_the_browser_marks_as_the_server_does(chat: Chat, text: str, ends: list[int]) -> None:
    urls = [
        "https://a.example/مقالة",
        "https://b.example/?q=<x>",
        "https://www.c.example/",
        "https://a.example/x?y",
    ]
    cited = [
        {"url": urls[place % 4], "title": f'T "{place}"' if place % 3 else "", "start": 0, "end": end}
        for place, end in enumerate(ends)
    ]
    client = chat.page.evaluate(
        """async ([text, cited]) => {
          const { render } = await import("/static/js/markdown.js");
          const box = document.createElement("div");
          box.append(render(text, cited));
          return box.innerHTML;
        }""",
        [text, cited],
    )
    assert chat.page.evaluate(NORMAL, client) == chat.page.evaluate(NORMAL, str(render(text, cited)))
