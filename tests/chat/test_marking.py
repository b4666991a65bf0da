"""Findings on the rendered answer: where they stand, what is shown of them, and that no text becomes markup."""

from __future__ import annotations

import re

import pytest

from chat.checking import find
from chat.marking import mark
from chat.notes import notes, notes_on, summary
from chat.rendering import render
from wisqu.scripture import verses

SABR = "إن الله مع الصابرين"
OWN = " ".join(verses.verse(2, 153).split()[-4:])


def marked(text: str) -> str:
    found = find(text)
    return mark(render(text), text, found.quotations, found.references, anchor="note-x")


def test_a_genuine_quotation_is_shown_in_our_own_spelling_with_a_seal() -> None:
    html = marked(f"Allah says: ﴿{SABR}﴾.")
    assert f'<span class="ayah" lang="ar" dir="rtl">﴿{OWN}﴾</span>' in html
    assert '<a class="seal genuine" href="/quran/2/153"' in html
    assert SABR not in html


@pytest.mark.parametrize(
    "text",
    [
        "- one\n- **﴿{0}﴾** (2:153)",
        "| a | b |\n|--|--|\n| x & y | ﴿{0}﴾ |",
        "> ﴿{0}﴾\n\nend",
        "[a link](https://example.org/%D8%A7%D9%86?q=إن) ﴿{0}﴾",
        "`code إن` and $x_1$ then ﴿{0}﴾ &amp; more",
        "```\nإن الله\n```\n\n﴿{0}﴾",
    ],
)
def test_its_place_is_found_wherever_markdown_puts_it(text: str) -> None:
    assert marked(text.format(SABR)).count(f'<span class="ayah" lang="ar" dir="rtl">﴿{OWN}﴾</span>') == 1


def test_two_in_a_row_keep_apart() -> None:
    html = marked(f"﴿{SABR}﴾﴿{SABR}﴾")
    assert html.count(f"﴿{OWN}﴾</span>") == 2
    assert html.count('class="seal genuine"') == 2


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("﴿إن الله مع\nالصابرين﴾", 2),
        ("> ﴿إن الله **مع** الصابرين﴾", 3),
        ("| ﴿إن الله | مع الصابرين﴾ |\n|--|--|", 2),
        ("﴿إن [الله](https://example.org) مع الصابرين﴾", 3),
        ("[﴿إن الله مع الصابرين﴾](https://quran.com/2/153)", 1),
    ],
)
def test_over_breaks_and_markup_it_is_our_own_spelling_as_well(text: str, pieces: int) -> None:
    html = marked(text)
    words = re.findall(r'<span class="ayah" lang="ar" dir="rtl">﴿?([^<﴾]*)﴾?</span>', html)
    assert len(words) == pieces
    assert " ".join(words) == OWN
    assert len(re.findall(r'(?:</span>|﴾|</a>)<a class="seal genuine" href="/quran/2/153"', html)) == 1


def test_numbers_of_verses_stay_where_they_stand_by_themselves() -> None:
    first, second = verses.verse(112, 1), verses.verse(112, 2)
    apart = marked("﴿قل هو الله أحد **(1)** الله الصمد﴾")
    assert f">{first}</span>" in apart.replace("﴿", "")
    assert "<strong>(1)</strong>" in apart
    assert f"{first} ﴿١﴾ {second}" in marked("﴿قل هو الله أحد (1) الله الصمد﴾")


def test_an_altered_one_names_itself_and_marks_the_words_that_differ() -> None:
    html = marked("قال الله تعالى: ﴿إن الله مع الظالمين﴾")
    assert '<mark class="wrong">الظالمين</mark>' in html
    assert 'class="seal altered" href="#note-x-1"' in html
    assert ">Altered<" in html


def test_references_lead_to_their_verse_and_impossible_ones_say_so() -> None:
    html = marked("See Quran 2:255 and Quran 2:300.")
    assert '<a class="verse-link" href="/quran/2/255"' in html
    assert '<span class="flaw impossible">Quran 2:300</span>' in html
    assert "No such verse" in html


def test_nothing_is_put_into_code_and_no_link_into_a_link() -> None:
    for text in (f"`﴿{SABR}﴾ 2:300`", "[Quran 2:255](https://example.org)"):
        assert marked(text) == render(text)
    assert 'Quran 2:300</span></a> <a class="seal impossible"' in marked("[Quran 2:300](https://example.org)")


@pytest.mark.parametrize(
    "text",
    [
        '﴿<img src=x onerror=alert(1)> إن الله مع الصابرين﴾ Quran 2:300"><script>alert(2)</script>',
        "**﴿إن الله <b>مع</b> الظالمين﴾** &lt;script&gt; Quran 2:300 <svg onload=alert(3)>",
    ],
)
def test_hostile_text_stays_text(text: str) -> None:
    html = marked(text)
    assert "<script" not in html
    assert "<img" not in html
    assert "onload" not in html.replace("&lt;svg onload", "")


def test_notes_tell_what_differs_and_what_is_right() -> None:
    found = find("قال الله تعالى: ﴿إن الله مع الظالمين﴾ and Quran 2:300")
    altered, impossible = notes(found.quotations, found.references)
    assert "الظالمين" in altered.explanation
    assert "/quran/2/153" in [verse.url for verse in (*altered.verses, *altered.others)]
    assert "286" in impossible.explanation
    assert summary([altered, impossible]) == "1 quotation checked · 2 are not as they should be"
    assert len(notes_on(found.quotations, found.references)) == 2


def test_the_same_words_in_many_places_name_the_others() -> None:
    found = find("﴿فبأي آلاء ربكما تكذبان﴾")
    (note,) = notes(found.quotations, found.references)
    assert (len(note.others), note.others_left_out) == (6, 24)


def test_verses_in_a_row_keep_their_numbers() -> None:
    (note,) = notes(find("﴿قل هو الله أحد * الله الصمد﴾").quotations, [])
    assert note.own_text.endswith(verses.verse(112, 2))
    assert "﴿١﴾" in note.own_text
