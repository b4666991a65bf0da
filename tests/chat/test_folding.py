"""What counts as the same word."""

import pytest

from chat.folding import LONGEST_WORD, fold, index_text, words


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("الصَّلَاةُ", "الصلاة"),
        ("ٱلْحَمْدُ", "الحمد"),
        ("أحمد إسلام آدم", "احمد اسلام ادم"),
        ("صـــلاة", "صلاه"),
        ("على", "علي"),
        ("فارسی", "فارسي"),
        ("کتاب", "كتاب"),
        ("مسئول", "مسيول"),
        ("سؤال", "سوال"),
        ("ماء", "ما"),
        ("می‌خواهم", "میخواهم"),
        ("ﻻ", "لا"),
        ("۱۴۰۳ ١٤٠٣", "1403 1403"),
        ("یہ لوگ", "يه لوگ"),
        ("Éléphant", "elephant"),
        ("İSTANBUL ılık", "istanbul ilik"),
        ("Straße", "strasse"),
        ("ALL CAPS", "all caps"),
    ],
)
def test_spellings_of_one_word_are_one(written: str, typed: str) -> None:
    assert fold(written) == fold(typed)


def test_words_are_parted_by_everything_that_is_no_letter_or_digit() -> None:
    assert words("foo-bar, foo_bar «لا» 3.14!") == ["foo", "bar", "foo", "bar", "لا", "3", "14"]


def test_a_word_is_indexed_once_with_and_without_its_article() -> None:
    assert index_text("الزكاة الزكاة والزكاة") == "الزكاه والزكاه زكاه"


def test_the_name_of_god_keeps_its_article() -> None:
    assert index_text("الله") == "الله"


def test_endless_words_are_cut() -> None:
    assert words("x" * 5000) == ["x" * LONGEST_WORD]
