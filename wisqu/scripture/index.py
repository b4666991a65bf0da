"""The whole text as one row of words, and where three words in a row stand in it.

A word's number counts through all chapters, so that several verses in a row are no special case. Everything is read
from `data/words.bin`, which `wisqu.scripture.build` makes of the published texts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from itertools import pairwise, repeat
from typing import Any

from wisqu.scripture.binary import unpack
from wisqu.scripture.letters import fold, fold_full, skeleton
from wisqu.scripture.verses import lengths, read_bytes

LONGEST_SHORT = 10  # words of a verse that is found by one or two of them
UNKNOWN = -1  # the number of a word's skeleton where the text has not the word in any spelling
_LONGEST_WORD = 60  # characters with all signs; the text has none of half that

_NOWHERE: tuple[int, ...] = ()


def three_key(one: int, two: int, three: int) -> int:
    """Return the number under which three words in a row, given by their skeletons, are found."""
    return (one << 32) | (two << 16) | three


def pair_key(one: int, two: int) -> int:
    """Return the number under which the short verses with two words are found."""
    return (one << 16) | two


def word_key(word: int, length: int) -> int:
    """Return the number under which the verses of that length (in words) with a word are found."""
    return (word << 4) | length


def pairs_in(keys: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the words that stand next to each other, or with one word between them."""
    yield from pairwise(keys)
    yield from zip(keys, keys[2:], strict=False)


class Groups:
    """The values of each key."""

    __slots__ = ("_numbers", "_starts", "_values")

    def __init__(self, keys: array[int], starts: array[int], values: array[int]) -> None:
        self._numbers = dict(zip(keys, range(len(keys)), strict=True))
        self._starts, self._values = starts, values

    def get(self, key: int) -> Sequence[int]:
        """Return the values of a key, none for one that there is not."""
        number = self._numbers.get(key)
        if number is None:
            return _NOWHERE
        return self._values[self._starts[number] : self._starts[number + 1]]


class Threes(Groups):
    """Where three words in a row stand in the text, by `three_key`."""

    __slots__ = ()

    def next_in(self, keys: Sequence[int], at: int) -> int:
        """Return where in a row of words, given by their skeletons, three begin, from `at` on, that the text has so.

        -1 for nowhere. Three that hold an unknown word are passed at once.
        """
        known, last = self._numbers, len(keys) - 2
        while at < last:
            three = keys[at + 2]
            if three < 0:
                at += 3
            elif (two := keys[at + 1]) < 0:
                at += 2
            elif ((keys[at] << 32) | (two << 16) | three) in known:
                return at
            else:
                at += 1
        return -1


class Index:
    """Words by their number, and the ways to find them."""

    def __init__(self, raw: bytes, chapters: Sequence[int]) -> None:
        parts: list[Any] = unpack(raw)
        forms, shortened, joined, keys, row, starts, inside, *groups = parts
        # A form is all spellings of a word, the modern one first; the row has each word's form.
        self.forms: list[tuple[str, ...]] = [tuple(form.split("/")) for form in forms.split("\n")]
        self.row: array[int] = row
        self._keys: dict[str, int] = {key: number for number, key in enumerate(shortened.split("\n"))}
        self._known: dict[str, int] = {
            spelling: key for form, key in zip(self.forms, keys, strict=True) for spelling in form
        }
        self.starts: array[int] = starts  # the number of each verse's first word
        self._firsts = frozenset(starts)
        self.inside = frozenset(inside)  # words that Uthmani script writes in one with the word before
        # Such a whole, and the words that it holds. Some look like another word once their small alefs are gone:
        # `ya qawmi`, and `he stands`.
        wholes = {whole: tuple(words) for whole, *words in map(str.split, joined.split("\n"))}
        self.joined = {whole: words for whole, words in wholes.items() if whole not in self._known}
        self.doubtful = {whole: words for whole, words in wholes.items() if whole in self._known}
        # (surah, ayah) of each verse.
        self.places = [(surah, ayah) for surah, last in enumerate(chapters, 1) for ayah in range(1, last + 1)]
        self._with_form = Groups(*groups[:3])
        self.threes = Threes(*groups[3:6])
        self.with_pair = Groups(*groups[6:9])  # short verses, by `pair_key`
        self.short_with = Groups(*groups[9:])  # short verses, by `word_key`

    def __len__(self) -> int:
        return len(self.row)

    def keys_of(self, words: Sequence[str]) -> list[int]:
        """Return the numbers of the skeletons of folded words; `UNKNOWN` for one that the text has not."""
        keys: list[int] = list(map(self._known.get, words, repeat(UNKNOWN)))
        return keys

    def key_of(self, word: str) -> int:
        """Return the same for a single word."""
        return self._known.get(word, UNKNOWN)

    def has(self, written: str) -> bool:
        """Tell whether the text has the word in some spelling, or several that it writes in one."""
        if len(written) > _LONGEST_WORD:
            return False
        return any(word in self._known or word in self.joined for word in (fold(written), fold_full(written)))

    def key_like(self, word: str) -> int:
        """Return the number of a folded word's skeleton; `UNKNOWN` where no word of the text is like it."""
        return self._keys.get(skeleton(word), UNKNOWN)

    def with_word(self, spelling: str) -> Iterator[int]:
        """Yield where words stand that may be written so."""
        for form in self._by_spelling.get(spelling, _NOWHERE):
            yield from self._with_form.get(form)

    @cached_property
    def _by_spelling(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, form in enumerate(self.forms):
            for spelling in form:
                found.setdefault(spelling, []).append(number)
        return found

    def letters(self, number: int) -> str:
        """Return the letters of the word in the modern spelling."""
        return self.forms[self.row[number]][0]

    def is_word(self, number: int, bare: str, full: str) -> bool:
        """Tell whether the word of that number may be written so (folded without and with small alefs)."""
        form = self.forms[self.row[number]]
        return bare in form or full in form

    def begins_verse(self, number: int) -> bool:
        """Tell whether the word is the first of a verse."""
        return number in self._firsts

    def ends_verse(self, number: int) -> bool:
        """Tell whether the word is the last of a verse."""
        return number + 1 in self._firsts or number + 1 == len(self.row)

    def verse_of(self, number: int) -> int:
        """Return the number of the verse that holds the word."""
        return bisect_right(self.starts, number) - 1

    def span(self, verse: int) -> tuple[int, int]:
        """Return the first word of the verse and the one after its last."""
        end = self.starts[verse + 1] if verse + 1 < len(self.starts) else len(self.row)
        return self.starts[verse], end


@cache
def index() -> Index:
    """Return the index, made at the first call."""
    return Index(read_bytes("words.bin"), lengths()[1:])
