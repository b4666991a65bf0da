"""A text as runs of Arabic words. Marks, digits, line breaks and Markdown between words don't end a run; words of
another script do, and so does the dash of a line that names the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress
from typing import TypeVar

from wisqu.scripture.index import Index
from wisqu.scripture.letters import SMALL_ALEF, WORD, fold_all, fold_all_full

_T = TypeVar("_T")

# A word of another script, a line that says where the words are from: what is before and after it
# belongs not together.
_OTHERS = re.compile(r"[^\W\d_]|\n[\s>]*[—–]")
# Where a sentence, a line, a cell or a quotation may begin and end.
_BORDER = re.compile(r"[\n\r|.!؟?؛;:«»“”\"'‹›()\[\]{}﴿﴾۝…—–*>#]")
_ELLIPSIS = re.compile(r"…|\.\.\.|\(\.\.\)")
# What Markdown makes type bold or slanted with, inside words too.
_EMPHASIS = frozenset({"*", "**", "***"})
# What may stand before a word, besides nothing that matters.
SENTENCE, GAP, _APART = 1, 2, 3


@dataclass(slots=True)
class Run:
    """Words in a row, a column for each thing that is known of them: an object for each word would take longer to make
    than all the rest.
    """

    starts: Sequence[int]  # code points
    ends: Sequence[int]
    written: Sequence[str]
    bare: Sequence[str]  # folded without small alefs
    full: Sequence[str]  # folded with small alefs as letters
    keys: Sequence[int]  # the numbers of the skeletons; `UNKNOWN` for words that the Qur'an has nowhere
    breaks: bytes  # where a sentence or a quotation may end before the word (`SENTENCE`), or an ellipsis stands (`GAP`)

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, first: int, last: int) -> Run:
        """Return the words `first` to `last`."""
        if last - first == len(self):
            return self
        here = slice(first, last)
        return Run(
            self.starts[here],
            self.ends[here],
            self.written[here],
            self.bare[here],
            self.full[here],
            self.keys[here],
            self.breaks[here],
        )


def runs(text: str, index: Index) -> Iterator[Run]:
    """Yield the runs of the text, longest possible, each with at least one word."""
    whole = _words(text, index)
    first = 0
    while (last := whole.breaks.find(_APART, first + 1)) > 0:
        yield whole.part(first, last)
        first = last
    if len(whole):
        yield whole.part(first, len(whole))


def _words(text: str, index: Index) -> Run:
    """Return all words of the text."""
    pieces: list[str] = WORD.split(text)
    is_taken_apart = "*" in text and not _EMPHASIS.isdisjoint(pieces)
    if is_taken_apart:
        pieces = _put_together(pieces, index)
    borders = list(accumulate(map(len, pieces)))
    starts, ends, written, betweens = borders[:-1:2], borders[1::2], pieces[1::2], pieces[2:-1:2]
    if is_taken_apart:
        written = [word.replace("*", "") for word in written]
    bare = fold_all(written)
    if "" in bare:  # pause marks that stand alone, or no word at all
        starts, ends = list(compress(starts, bare)), list(compress(ends, bare))
        written = list(compress(written, bare))
        betweens = [text[end:start] for end, start in zip(ends, starts[1:], strict=False)]
        bare = list(filter(None, bare))
    keys = index.keys_of(bare)
    full = _full(written, bare, keys, index) if SMALL_ALEF in text else bare
    run = Run(starts, ends, written, bare, full, keys, _breaks(betweens))
    places = _places(index.joined, bare) | (_places(index.joined, full) if full is not bare else {})
    return _taken_apart(run, places, index)


def _put_together(pieces: Sequence[str], index: Index) -> list[str]:
    """Return the pieces with each word in one that bold type takes apart, where the text has such a word."""
    found = list(pieces[:2])
    for mark, word in zip(pieces[2::2], pieces[3::2], strict=False):
        if mark in _EMPHASIS and index.has(found[-1].replace("*", "") + word):
            found[-1] += mark + word
        else:
            found += [mark, word]
    return [*found, pieces[-1]]


def _full(written: Sequence[str], bare: list[str], keys: list[int], index: Index) -> list[str]:
    """Return the words with their small alefs as letters; a word that is known by those only gets its key."""
    full = list(bare)
    places = [at for at, word in enumerate(written) if SMALL_ALEF in word]
    for at, word in zip(places, fold_all_full([written[at] for at in places]), strict=True):
        full[at] = word
        if keys[at] < 0:
            keys[at] = index.key_of(word)
    return full


def _breaks(betweens: Sequence[str]) -> bytes:
    """Return what stands before each word, given what stands between two."""
    kinds = {between: _kind(between) for between in set(betweens)}
    return bytes([0, *map(kinds.__getitem__, betweens)])


def _kind(between: str) -> int:
    """Return what stands between two words: nothing that matters (0), or what parts them, and how much."""
    if _OTHERS.search(between):
        return _APART
    if _BORDER.search(between):
        return GAP if _ELLIPSIS.search(between) else SENTENCE
    return 0


# --- Words that Uthmani script writes together ------------------------------------------------------------------------


def is_doubtful(run: Run, first: int, last: int, index: Index) -> bool:
    """Tell whether one of those words can be read in two ways: as one, or as several that are written together."""
    return not index.doubtful.keys().isdisjoint(run.full[first:last])


def read_otherwise(run: Run, index: Index) -> Run:
    """Return the run with every doubtful word taken for several."""
    return _taken_apart(run, _places(index.doubtful, run.full), index)


_Places = dict[int, tuple[str, ...]]


def _places(wholes: Mapping[str, tuple[str, ...]], column: Sequence[str]) -> _Places:
    """Return where words stand that are written together, and which."""
    if wholes.keys().isdisjoint(column):
        return {}
    return {at: wholes[word] for at, word in enumerate(column) if word in wholes}


def _taken_apart(run: Run, places: _Places, index: Index) -> Run:
    """Return the run with several words, all where the one was, at each of the places."""
    if not places:
        return run
    parts = dict(sorted(places.items()))

    def repeated(column: Sequence[_T]) -> list[_T]:
        return _replaced(column, {at: [column[at]] * len(words) for at, words in parts.items()})

    return Run(
        repeated(run.starts),
        repeated(run.ends),
        repeated(run.written),
        _replaced(run.bare, parts),
        _replaced(run.full, parts),
        _replaced(run.keys, {at: index.keys_of(words) for at, words in parts.items()}),
        bytes(
            _replaced(
                run.breaks,
                {at: bytes([run.breaks[at]]).ljust(len(words), b"\0") for at, words in parts.items()},
            )
        ),
    )


def _replaced(column: Sequence[_T], places: Mapping[int, Sequence[_T]]) -> list[_T]:
    """Return the column with several things for one at each of the places, which are in order."""
    found: list[_T] = []
    last = 0
    for at, several in places.items():
        found += column[last:at]
        found += several
        last = at + 1
    return found + list(column[last:])
