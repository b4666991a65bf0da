"""A text as runs of Arabic words. Marks, digits, line breaks and Markdown between words don't end a run; words of
another script do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from wisqu.scripture.index import Index
from wisqu.scripture.letters import WORD, fold, fold_full

# A word of another script, or two empty lines' worth of nothing: what is before and after belongs not together.
_FOREIGN = re.compile(r"[^\W\d_]")
# Where a sentence, a line, a cell or a quotation may begin and end.
_BORDER = re.compile(r"[\n\r|.!؟?؛;:«»“”\"'‹›()\[\]{}﴿﴾۝…—–*>#]")
_ELLIPSIS = re.compile(r"…|\.\.\.|\(\.\.\)")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the text: its code points `start` to `end`, its spellings, and the number of its skeleton."""

    start: int
    end: int
    spellings: tuple[str, str]
    key: int
    borders: str = (
        ""  # what stands between this word and the one before that may end a sentence or a quotation
    )
    has_gap: bool = False  # an ellipsis stands before it


Run = Sequence[Token]


def runs(text: str, index: Index) -> Iterator[list[Token]]:
    """Yield the runs of the text, longest possible, each with at least one word."""
    run: list[Token] = []
    last = 0
    for found in WORD.finditer(text):
        spellings, parts = _spell(found[0], index)
        if not spellings[0]:  # a pause mark that stands alone
            continue
        between = text[last : found.start()]
        if run and _FOREIGN.search(between):
            yield run
            run = []
        borders = "".join(_BORDER.findall(between)) if between != " " else ""
        gap = bool(borders) and _ELLIPSIS.search(between) is not None
        for number, part in enumerate(parts):
            run.append(
                Token(
                    found.start(),
                    found.end(),
                    part,
                    index.key(part[0]),
                    *((borders, gap) if not number else ()),
                )
            )
        last = found.end()
    if run:
        yield run


@lru_cache(maxsize=20_000)
def _spell(word: str, index: Index) -> tuple[tuple[str, str], tuple[tuple[str, str], ...]]:
    """Return the spellings of a word, and of the words that it holds where Uthmani script writes several in one."""
    spellings = (fold(word), fold_full(word))
    # Some wholes look like another word once their small alefs are gone: `ya malik`, and `he owns`.
    parts = next(
        (
            index.joined[each]
            for each in reversed(spellings)
            if each in index.joined and each not in index.words
        ),
        None,
    )
    return spellings, tuple((part, part) for part in parts) if parts else (spellings,)
