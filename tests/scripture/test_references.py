"""References to verses, however they are written."""

from __future__ import annotations

import pytest

from tests.scripture import texts
from wisqu.scripture.names import LANGUAGES, surah_name, surah_number
from wisqu.scripture.references import references
from wisqu.scripture.verses import exists, lengths


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Quran 2:255", (2, 255, 255)),
        ("Q 2:255-257", (2, 255, 257)),
        ("Al-Baqarah 255", (2, 255, 255)),
        ("surah 2 verse 255", (2, 255, 255)),
        ("[البقرة: ٢٥٥]", (2, 255, 255)),
        ("البقرة ٢٥٥", (2, 255, 255)),
        ("سوره بقره آیه ۲۵۵", (2, 255, 255)),
        ("سورۃ البقرۃ آیت 255", (2, 255, 255)),
        ("Bakara suresi 255. ayet", (2, 255, 255)),
        ("QS. Al-Baqarah [2]: 255", (2, 255, 255)),
        ("Sourate Al-Baqara, verset 255", (2, 255, 255)),
        ("Surah Al-Ikhlas (112:1-4)", (112, 1, 4)),
        ("Surah Yusuf 12:4", (12, 4, 4)),
        ("آل عمران: 103", (3, 103, 103)),
        ("Ya-Sin 36:12", (36, 12, 12)),
        ("the Qur'an (2:286)", (2, 286, 286)),
        ("Surah Al-Kahf, verses 9-26", (18, 9, 26)),
    ],
)
def test_it_is_read(text: str, expected: tuple[int, int, int]) -> None:
    (found,) = references(f"As in {text}, and more.")
    assert (found.surah, found.first, found.last, found.state) == (*expected, "real")
    assert found.text.rstrip(")] ") in text


@pytest.mark.parametrize(
    "text", ["at 2:30 pm", "Joseph 12 years old", "a score of 3:1", "In 2020 the light 5", "v2:1", "1:2:3"]
)
def test_other_numbers_are_no_reference(text: str) -> None:
    assert references(text) == []


@pytest.mark.parametrize(
    "text",
    ["Quran 2:300", "(115:1)", "Al-Fatiha 8", "القرآن ٢:٣٠٠", "Q 0:1", "Quran 2:9-5", "Al-Baqarah [3]: 7"],
)
def test_a_verse_that_does_not_exist_is_impossible(text: str) -> None:
    (found,) = references(text)
    assert found.state == "impossible"


def test_all_verses_are_real_and_the_next_one_is_not() -> None:
    for surah in range(1, 115):
        for ayah in (1, lengths()[surah]):
            assert references(f"Quran {surah}:{ayah}")[0].state == "real"
        assert references(f"Quran {surah}:{lengths()[surah] + 1}")[0].state == "impossible"
    assert sum(lengths()) == 6236
    assert not exists(115, 1)


@pytest.mark.parametrize("language", texts.FORMS)
def test_every_form_of_a_language_is_read_and_tells_what_there_is_not(language: str) -> None:
    for (surah, ayah), _ in texts.modern(79):
        names = {each: surah_name(surah, each) for each in LANGUAGES}
        for form in texts.FORMS[language]:
            (one,) = references(texts.written(form, language, surah, ayah, names))
            assert (one.surah, one.first, one.state) == (surah, ayah, "real"), one
            (one,) = references(texts.written(form, language, surah, lengths()[surah] + ayah, names))
            assert one.state == "impossible", one


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_is_known_by_its_name(language: str) -> None:
    for surah in range(1, 115):
        assert surah_number(surah_name(surah, language)) == surah
