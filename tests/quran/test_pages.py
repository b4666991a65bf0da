"""The pages of the text: for everybody, in pages, found however words are typed."""

from __future__ import annotations

import pytest
from django.test import Client

from quran.models import TranslatedVerse, Translation
from quran.search import search
from wisqu.scripture import verses

pytestmark = pytest.mark.django_db


def text(path: str, **headers: str) -> str:
    response = Client().get(path, headers=headers)
    assert response.status_code == 200, path
    return response.content.decode()


def test_everybody_sees_all_chapters_in_their_language() -> None:
    page = text("/quran", accept_language="tr")
    assert page.count('class="chapter-number"') == 114
    assert "Fâtiha" in page


def test_a_chapter_is_shown_in_pages_with_the_basmala_once() -> None:
    first, last = text("/quran/2"), text("/quran/2?page=6")
    assert verses.verse(2, 1) in first
    assert verses.verse(2, 286) in last
    assert (first.count('class="basmala"'), last.count('class="basmala"')) == (1, 0)
    assert 'class="basmala"' not in text("/quran/9")


def test_a_verse_has_its_neighbours_its_place_and_a_way_to_ask() -> None:
    page = text("/quran/2/255")
    assert all(verses.verse(2, ayah) in page for ayah in (254, 255, 256))
    assert "Juz 3" in page
    assert "/?ask=" in page


def test_translations_are_shown_with_translator_and_licence() -> None:
    row = Translation.objects.create(
        slug="x", name="A rendering", translator="N. N.", language="en", licence="CC0"
    )
    TranslatedVerse.objects.create(translation=row, surah=1, ayah=1, text="In the <name>")
    page = text("/quran/1/1")
    assert all(each in page for each in ("In the &lt;name&gt;", "A rendering", "N. N.", "CC0"))


@pytest.mark.parametrize(
    "path", ["/quran/0", "/quran/115", "/quran/2/287", "/quran/1/0", "/quran/999999999/1"]
)
def test_what_there_is_not_is_missing(path: str) -> None:
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("query", ["مع الصابرين", "مَعَ ٱلصَّـٰبِرِينَ", "مع الصبرين", "مع  الصابري"])
def test_words_are_found_however_they_are_typed(query: str) -> None:
    assert (2, 153) in search(query)


def test_a_search_is_shown_in_pages_and_nothing_is_run() -> None:
    page = text("/quran?q=الله&page=2")
    assert page.count('class="ayah-block"') == 20
    assert "<script>alert" not in text('/quran?q="><script>alert(1)</script>')
    assert "No verse" in text("/quran?q=زقزوق")


@pytest.mark.parametrize(
    ("query", "place"),
    [("2:255", "/quran/2/255"), ("سورة الإخلاص", "/quran/112"), ("Ayat al-Kursi", "/quran/2/255")],
)
def test_a_reference_leads_to_its_place(query: str, place: str) -> None:
    assert Client().get("/quran", {"q": query}).headers["Location"] == place


def test_pages_of_the_text_take_no_query_but_for_translations(django_assert_num_queries) -> None:
    text("/quran/1/1")
    with django_assert_num_queries(0):
        text("/quran/2")
    with django_assert_num_queries(1):
        text("/quran/2/2")
