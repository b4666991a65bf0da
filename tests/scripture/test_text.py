"""The text itself: whole, undamaged, and read as it was published."""

from __future__ import annotations

import json
from array import array
from importlib.resources import files

import pytest

from wisqu.scripture import binary, build, verses
from wisqu.scripture.letters import fold, fold_all, fold_all_full
from wisqu.scripture.vowels import agree


def test_the_words_that_the_checker_starts_from_are_made_of_the_published_texts() -> None:
    assert verses.read_bytes("words.bin") == build.words()


def test_numbers_are_written_alike_on_every_machine(monkeypatch) -> None:
    parts = ["قل", array("H", [1, 258]), array("Q", [1 << 40])]
    little = binary.pack(*parts)
    assert binary.unpack(little) == parts
    monkeypatch.setattr(binary.sys, "byteorder", "big")
    turned = [parts[0], *(array(each.typecode, each) for each in parts[1:])]
    for each in turned[1:]:
        each.byteswap()  # as such a machine would hold them
    assert binary.pack(*turned) == little


def test_a_damaged_file_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "uthmani.txt").write_text("1|1|something else")
    monkeypatch.setattr(verses, "DATA", tmp_path)
    with pytest.raises(verses.DamagedText, match=r"uthmani\.txt"):
        verses.read("uthmani.txt")


def test_each_data_file_has_its_digest() -> None:
    verses.verify()
    held = {path.name for path in verses.DATA.iterdir() if not path.name.startswith("LICENSE")}
    assert held == set(verses.DIGESTS)


def test_the_notice_of_the_publisher_stands_in_each_file() -> None:
    for name in ("uthmani.txt", "simple-clean.txt"):
        assert "Creative Commons Attribution 3.0" in verses.read(name)
    notices = {source.name: source.notice for source in verses.sources()}
    assert "CHANGING IT IS NOT ALLOWED" in notices["Qur'an, Uthmani"]
    assert "Attribution 4.0" in notices["Juz and pages of the Madinah print"]


def test_all_verses_equal_another_edition_in_their_letters() -> None:
    mushaf = json.loads(files("quran_text_data").joinpath("hafs.json").read_text(encoding="utf-8"))
    ends = [*mushaf["ayah_starts"][1:], len(mushaf["words"])]
    lines = list(verses.read_lines("uthmani.txt"))
    for (surah, ayah, line), begin, end in zip(lines, mushaf["ayah_starts"], ends, strict=True):
        ours, theirs = build.words_of(line, surah=surah, ayah=ayah), mushaf["words"][begin:end]
        assert "".join(fold_all(ours)) == "".join(fold_all(theirs)), (surah, ayah)
        assert "".join(fold_all_full(ours)) == "".join(fold_all_full(theirs)), (surah, ayah)


def test_juz_and_pages_are_those_of_the_print() -> None:
    assert verses.read("layout.txt") == build.layout()
    places = [(surah, ayah) for surah, ayah, _ in verses.read_lines("uthmani.txt")]
    assert {verses.juz(*place) for place in places} == set(range(1, 31))
    assert {verses.page(*place) for place in places} == set(range(1, 605))
    assert [verses.juz(2, 141), verses.juz(2, 142), verses.page(2, 255)] == [1, 2, 42]


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
