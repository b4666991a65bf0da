"""The text itself: whole, undamaged, and read as it was published."""

from __future__ import annotations

import pytest

from wisqu.scripture import build, verses
from wisqu.scripture.letters import fold
from wisqu.scripture.vowels import agree


def test_the_words_that_the_checker_starts_from_are_made_of_the_published_texts() -> None:
    assert verses.read("words.txt").splitlines() == list(build.lines())


def test_a_damaged_file_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "uthmani.txt").write_text("1|1|something else")
    monkeypatch.setattr(verses, "DATA", tmp_path)
    with pytest.raises(verses.DamagedText, match=r"uthmani\.txt"):
        verses.read("uthmani.txt")


def test_the_notice_of_the_publisher_stands_in_each_file() -> None:
    for name in ("uthmani.txt", "simple-clean.txt"):
        assert "Creative Commons Attribution 3.0" in verses.read(name)


def test_no_basmala_stands_before_a_verse() -> None:
    first_words = {
        place: fold(verses.verse(*place).split()[0]) for place in ((1, 1), (9, 1), (97, 1), (112, 1))
    }
    assert first_words == {(1, 1): "بسم", (9, 1): "براه", (97, 1): "انا", (112, 1): "قل"}


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ("وَرَسُولِهِ", "وَرَسُولُهُۥ", False),
        ("وَرَسُولُهُ", "وَرَسُولُهُۥ", True),
        ("ورسوله", "وَرَسُولُهُۥ", True),
        ("الْعَالَمِينَ", "ٱلْعَـٰلَمِينَ", True),
        ("عِوَجًا", "عِوَجَا", True),
        ("عَلِيمًا", "عَلِيمٌ", False),
    ],
)
def test_vowels_are_compared_where_both_sides_write_them(written: str, text: str, expected: bool) -> None:
    assert agree(written, text) is expected
