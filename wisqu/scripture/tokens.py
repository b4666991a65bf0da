"""A text as runs of Arabic words. Marks, digits, line breaks and Markdown between words don't end a run; words of
another script do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wisqu.scripture.index import Index
from wisqu.scripture.letters import SMALL_ALEF, WORD, fold_all, fold_all_full

# A word of another script: what is before and after it belongs not together.
_FOREIGN = re.compile(r"[^\W\d_]")
# Where a sentence, a line, a cell or a quotation may begin and end.
_BORDER = re.compile(r"[\n\r|.!؟?؛;:«»“”\"'‹›()\[\]{}﴿﴾۝…—–*>#]")
_ELLIPSIS = re.compile(r"…|\.\.\.|\(\.\.\)")


class Token(NamedTuple):
    """One word of the text: its code points `start` to `end`, its spellings, and the number of its skeleton.

    `key` is -1 for a skeleton that no word of the Qur'an has.
    """

    start: int
    end: int
    spellings: tuple[str, str]
    key: int
    is_border: bool = False  # a sentence or a quotation may end before it
    has_gap: bool = False  # an ellipsis stands before it


Run = Sequence[Token]


def runs(text: str, index: Index) -> Iterator[list[Token]]:
    """Yield the runs of the text, longest possible, each with at least one word."""
    run: list[Token] = []
    last = 0
    for start, end, spellings, key in _words(text, index):
        is_border = has_gap = False
        # Parts of one written word have nothing between them.
        if start - last > 1 or (start > last and text[last] != " "):
            between = text[last:start]
            if run and _FOREIGN.search(between):
                yield run
                run = []
            elif is_border := _BORDER.search(between) is not None:
                has_gap = _ELLIPSIS.search(between) is not None
        run.append(Token(start, end, spellings, key, is_border, has_gap))
        last = end
    if run:
        yield run


_Word = tuple[int, int, tuple[str, str], int]


def _words(text: str, index: Index) -> Iterator[_Word]:
    """Yield the words of the text. What Uthmani script writes in one word is several at the same place."""
    spans = [found.span() for found in WORD.finditer(text)]
    if not spans:
        return
    written = [text[start:end] for start, end in spans]
    bare = fold_all(written)
    full = _full(written, bare) if SMALL_ALEF in text else bare
    joined = index.joined.keys()
    is_simple = joined.isdisjoint(bare) and joined.isdisjoint(full)
    keys = index.keys_of(bare)
    for (start, end), one, other, key in zip(spans, bare, full, keys, strict=True):
        if not one:  # a pause mark that stands alone
            continue
        if is_simple or (one not in joined and other not in joined):
            yield start, end, (one, other), key
        else:
            yield from _parts(start, end, index.joined.get(other) or index.joined[one], index)


def _full(written: Sequence[str], bare: Sequence[str]) -> Sequence[str]:
    """Return the words with their small alefs as letters."""
    full = list(bare)
    places = [at for at, word in enumerate(written) if SMALL_ALEF in word]
    for at, word in zip(places, fold_all_full([written[at] for at in places]), strict=True):
        full[at] = word
    return full


def _parts(start: int, end: int, parts: Sequence[str], index: Index) -> Iterator[_Word]:
    for part, key in zip(parts, index.keys_of(parts), strict=True):
        yield start, end, (part, part), key
