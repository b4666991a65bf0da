"""Cited pages: which are kept, how they are numbered, and where their marks stand in a text."""

from __future__ import annotations

from typing import Any

import pytest

from chat import citations
from chat.rendering import render
from wisqu.openrouter.types import Citation

A, B = "https://a.example/one", "https://www.b.example/two"


def cited(url: str = A, *, end: int = 0, start: int = 0, title: str = "") -> dict[str, Any]:
    return {"url": url, "title": title, "start": start, "end": end}


def numbers(text: str, *found: dict[str, Any]) -> str:
    """The text with each mark as its number in brackets."""
    return citations.MARK.sub(r"[\1]", citations.marked(text, found))


def test_pages_are_numbered_once_in_the_order_of_their_first_mention() -> None:
    found = citations.sources([cited(B), cited(A, title="One"), cited(B, title="Two")])
    assert [(each.number, each.title, each.host) for each in found] == [
        (1, "Two", "b.example"),
        (2, "One", "a.example"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "/accounts/logout/",
        "http://",
        "https:// a",
        "ftp://a.example",
    ],
)
def test_what_is_no_address_of_the_web_is_no_source(url: str) -> None:
    assert citations.sources([cited(url)]) == []
    assert citations.readable(Citation(url, "", 0, 0)) is None


def test_a_title_is_one_line_that_turns_no_other_text() -> None:
    found = citations.readable(Citation(A, " One\n\u202etwo\x00 ", 0, 3))
    assert found == Citation(A, "One two", 0, 3)
    assert citations.readable(Citation(A, "t" * 9000, 5, 2)) == Citation(A, "t" * 300, 0, 0)


def test_an_address_is_named_by_the_server_that_answers() -> None:
    assert citations.host_of("https://bank.example@evil.example/") == "evil.example"
    assert citations.host_of("https://موقع.example/") == "xn--4gbrim.example"


@pytest.mark.parametrize(
    ("text", "end", "shown"),
    [
        ("One. Two.", 4, "One.[1] Two."),
        ("One. \n\nTwo.", 6, "One.[1] \n\nTwo."),
        ("See [it](https://a.example/one).", 12, "See [it](https://a.example/one)[1]."),
        ("See https://a.example/one now", 9, "See https://a.example/one[1] now"),
        ("One.", 900, "One.[1]"),
        ("```\ncode\n```", 12, "```\ncode\n```"),
        ("$$\nx\n$$", 7, "$$\nx\n$$"),
        ("Head\n---\n", 9, "Head\n---\n"),
        ("[1]: https://a.example/one", 26, "[1]: https://a.example/one"),
        ("🌍 One.", 6, "🌍 One.[1]"),
    ],
)
def test_a_mark_stands_behind_its_passage_and_breaks_nothing(text: str, end: int, shown: str) -> None:
    assert numbers(text, cited(end=end)) == shown


def test_several_marks_in_a_place_stand_in_order_and_once() -> None:
    assert numbers("One.", cited(B, end=4), cited(A, end=4), cited(A, end=4)) == "One.[1][2]"


def test_a_text_cannot_forge_marks() -> None:
    assert numbers(f"{citations.BEGIN}1{citations.END} One.", cited(end=8)) == " 1  One.[1]"


def test_a_mark_is_a_safe_link_with_title_and_address() -> None:
    html = render("**One.** Two.", [cited(B, end=8, title='A "title" <b>')])
    assert "<strong>One.</strong><a " in html
    link = html[html.index("<a ") : html.index("</a>")]
    for part in (
        'class="cite"',
        f'href="{B}"',
        'title="A &quot;title&quot; &lt;b&gt; · b.example"',
        'rel="noopener nofollow noreferrer"',
        'referrerpolicy="no-referrer"',
        'target="_blank"',
    ):
        assert part.replace("&lt;", "<") in link.replace("&lt;", "<")


def test_a_page_that_was_cited_without_a_place_is_marked_where_it_is_linked() -> None:
    html = render("See [this](https://a.example/مقالة) page.", [cited("https://a.example/مقالة")])
    assert html.count("<a ") == 2
    assert '>this</a><a class="cite"' in html


def test_no_mark_shows_in_code_and_formulas() -> None:
    html = render("`code here` and $x + y$ end", [cited(end=5), cited(B, end=20)])
    assert "\x0b" not in html
    assert "\x02" not in html
    assert "<code>code here</code>" in html


def test_without_citations_nothing_changes() -> None:
    assert render("One [two](https://a.example).", []) == render("One [two](https://a.example).")


def test_what_is_taken_over_is_looked_at_like_everything_else() -> None:
    good = {"url": A, "title": "A", "start": 0, "end": 4}
    bad = [{**good, "url": "javascript:alert(1)"}, {**good, "end": "4"}, {**good, "title": None}, "x", 7]
    assert citations.taken_over([good, *bad]) == [{**good, "seq": 0}]
    assert citations.taken_over(None) == citations.taken_over({"url": A}) == []


def test_a_file_names_its_sources_whatever_their_titles_hold() -> None:
    assert citations.as_markdown("One.", [cited(end=4)]) == "One. [1]"
    (source,) = citations.sources([cited("https://a.example/<x>)", title="[a](b) *c*")])
    assert source.as_markdown == r"[\[a\](b) \*c\*](<https://a.example/%3Cx%3E)>)"
