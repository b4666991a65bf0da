"""The whole text as one row of words, and where three words in a row stand in it.

A word's number counts through all chapters, so that several verses in a row are no special case.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache

from wisqu.scripture.letters import skeleton
from wisqu.scripture.verses import read

_NOWHERE: tuple[int, ...] = ()


class Index:
    """Words by their number, and the ways to find them."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.letters: list[str] = []  # of the modern spelling
        self.others: dict[int, tuple[str, ...]] = {}  # the other spellings, where there are any
        self.inside: set[int] = set()  # words that Uthmani script writes in one with the word before
        self.joined: dict[str, tuple[str, ...]] = {}  # such a whole, and the words that it holds
        self.places: list[tuple[int, int]] = []  # (surah, ayah) of each verse
        self.starts: array[int] = array("L")  # the number of each verse's first word
        for line in lines:
            self._add(line)
        self.words = frozenset(self.letters).union(*self.others.values())  # every spelling of every word
        self._firsts = frozenset(self.starts)
        self._keys = self._number_skeletons()
        self._threes = self._find_threes()
        self._words: dict[str, array[int]] | None = None  # made when first asked for

    def _add(self, line: str) -> None:
        surah, ayah, words = line.split("|")
        self.places.append((int(surah), int(ayah)))
        letters = self.letters
        self.starts.append(len(letters))
        for word in words.split(" "):
            if "/" in word:
                word, *others = word.split("/")
                self.others[len(letters)] = tuple(others)
            elif word[0] == "^":
                self.inside.add(len(letters))
                word, *wholes = word[1:].split("~")
                self._join(word, wholes)
            letters.append(word)

    def _join(self, last: str, wholes: Sequence[str]) -> None:
        at = len(self.letters)
        first = at - 1
        while first in self.inside:
            first -= 1
        for whole in wholes:
            self.joined[whole] = (*self.letters[first:at], last)

    def _number_skeletons(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        self._row = array("H")
        keys: dict[str, int] = {}
        for word in self.letters:
            number = numbers.get(word)
            if number is None:
                number = numbers[word] = keys.setdefault(skeleton(word), len(keys))
            self._row.append(number)
        return keys

    def _find_threes(self) -> dict[int, int | list[int]]:
        found: dict[int, int | list[int]] = {}
        row = self._row
        for number, (one, two, three) in enumerate(zip(row, row[1:], row[2:], strict=False)):
            key = (one << 32) | (two << 16) | three
            known = found.get(key)
            if known is None:
                found[key] = number
            elif isinstance(known, int):
                found[key] = [known, number]
            else:
                known.append(number)
        return found

    def __len__(self) -> int:
        return len(self.letters)

    def key(self, folded: str) -> int:
        """Return the number of the word's skeleton; -1 for one that no word of the text has."""
        return self._keys.get(skeleton(folded), -1)

    def key_at(self, number: int) -> int:
        """Return the number of the skeleton of that word."""
        return self._row[number]

    def find(self, keys: Sequence[int], at: int) -> Sequence[int]:
        """Return where the three keys from `at` on stand in the text."""
        found = self._threes.get((keys[at] << 32) | (keys[at + 1] << 16) | keys[at + 2])
        if found is None:
            return _NOWHERE
        return (found,) if isinstance(found, int) else found

    def with_word(self, spelling: str) -> Sequence[int]:
        """Return where words stand that may be written so."""
        if self._words is None:
            self._words = {}
            for number, letters in enumerate(self.letters):
                for each in (letters, *self.others.get(number, ())):
                    self._words.setdefault(each, array("L")).append(number)
        return self._words.get(spelling, _NOWHERE)

    def is_word(self, number: int, spellings: tuple[str, str]) -> bool:
        """Tell whether the word of that number may be written so (folded without and with small alefs)."""
        letters = self.letters[number]
        if letters in spellings:
            return True
        others = self.others.get(number)
        return others is not None and (spellings[0] in others or spellings[1] in others)

    def begins_verse(self, number: int) -> bool:
        """Tell whether the word is the first of a verse."""
        return number in self._firsts

    def ends_verse(self, number: int) -> bool:
        """Tell whether the word is the last of a verse."""
        return number + 1 in self._firsts or number + 1 == len(self.letters)

    def verse_of(self, number: int) -> int:
        """Return the number of the verse that holds the word."""
        return bisect_right(self.starts, number) - 1

    def span(self, verse: int) -> tuple[int, int]:
        """Return the first word of the verse and the one after its last."""
        end = self.starts[verse + 1] if verse + 1 < len(self.starts) else len(self.letters)
        return self.starts[verse], end


@cache
def index() -> Index:
    """Return the index, made at the first call."""
    return Index(read("words.txt").splitlines())
