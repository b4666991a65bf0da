"""Search over the Arabic text, however the words are typed: vowels, small signs and spellings don't count."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from wisqu.scripture import verses
from wisqu.scripture.letters import WORD, fold_all, skeletons

LONGEST_QUERY = 200


class Found(NamedTuple):
    """A verse that holds the words."""

    surah: int
    ayah: int


class _Index(NamedTuple):
    """Each verse as one line of folded words, and the same without what spellings differ in."""

    places: list[Found]
    words: list[str]
    bare: list[str]


@cache
def _index() -> _Index:
    places, rows = [], []
    for surah, ayah, text in verses.read_lines("simple-clean.txt"):
        words = fold_all(WORD.findall(text))
        if ayah == 1 and surah not in verses.NO_BASMALA:
            words = words[4:]  # the basmala before a chapter is no part of its first verse
        places.append(Found(surah, ayah))
        rows.append(words)
    return _Index(
        places,
        [f" {' '.join(words)}" for words in rows],
        [f" {' '.join(skeletons(words))}" for words in rows],
    )


def search(query: str) -> list[Found]:
    """Return the verses that hold these words in a row, the last of them perhaps only begun, in the text's order.

    Where no verse has them as they are written, spellings with other long vowels are looked for.
    """
    words = [word for word in fold_all(WORD.findall(query[:LONGEST_QUERY])) if word]
    if not words:
        return []
    index = _index()
    return _holding(words, index.words, index.places) or _holding(skeletons(words), index.bare, index.places)


def _holding(words: list[str], lines: list[str], places: list[Found]) -> list[Found]:
    wanted = f" {' '.join(words)}"
    return [place for place, line in zip(places, lines, strict=True) if wanted in line]
