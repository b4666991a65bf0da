"""A text as runs of Arabic words. Marks, digits, line breaks and Markdown between words don't end a run; words of
another script do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import NamedTuple

from wisqu.scripture.index import Index
from wisqu.scripture.letters import SMALL_ALEF, WORD, fold_all, fold_all_full, skeletons

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
        # Parts of one written word have nothing between them.
        between = text[last:start] if start >= last else " "
        is_border = has_gap = False
        if between != " ":
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
        return iter(())
    written = [text[start:end] for start, end in spans]
    bare = fold_all(written)
    full = fold_all_full(written) if SMALL_ALEF in text else bare
    keys = map(index.keys.get, skeletons(bare), repeat(-1))
    words = [
        (start, end, both, key)
        for (start, end), both, key in zip(spans, zip(bare, full, strict=True), keys, strict=True)
        if both[0]  # else a pause mark that stands alone
    ]
    if index.joined.keys().isdisjoint(bare) and index.joined.keys().isdisjoint(full):
        return iter(words)
    return chain.from_iterable(_parts(word, index) for word in words)


def _parts(word: _Word, index: Index) -> Sequence[_Word]:
    start, end, (bare, full), _ = word
    parts = index.joined.get(full) or index.joined.get(bare)
    if parts is None:
        return (word,)
    keys = (index.keys.get(each, -1) for each in skeletons(parts))
    return [(start, end, (part, part), key) for part, key in zip(parts, keys, strict=True)]
