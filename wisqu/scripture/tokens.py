"""A text as runs of Arabic words. Marks, digits, line breaks and Markdown between words don't end a run; words of
another script do, and so does the dash of a line that names the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from wisqu.scripture.index import Index
from wisqu.scripture.letters import SMALL_ALEF, WORD, fold_all, fold_all_full

# A word of another script, a line that says where the words are from: what is before and after it
# belongs not together.
_OTHERS = re.compile(r"[^\W\d_]|\n[\s>]*[—–]")
# Where a sentence, a line, a cell or a quotation may begin and end.
_BORDER = re.compile(r"[\n\r|.!؟?؛;:«»“”\"'‹›()\[\]{}﴿﴾۝…—–*>#]")
_SENTENCE, _GAP, _APART = 1, 2, 3
_ELLIPSIS = re.compile(r"…|\.\.\.|\(\.\.\)")


class Token(NamedTuple):
    """One word of the text: its code points `start` to `end`, its spellings, and the number of its skeleton.

    `key` is -1 for a word that the Qur'an has nowhere, in no spelling.
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
    spans, spellings, keys = _words(text, index)
    if not spans:
        return
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    # Half the time of calling `Token`.
    facts = zip(starts, ends, spellings, keys, repeat(False), repeat(False), strict=False)
    tokens: list[Token] = list(map(tuple.__new__, repeat(Token), facts))
    betweens = [text[end:start] for end, start in zip(ends, starts[1:], strict=False)]
    kinds = {between: _kind(between) for between in set(betweens)}
    begin = 0
    for at, between in enumerate(betweens, start=1):
        kind = kinds[between]
        if kind == _APART:
            yield tokens[begin:at]
            begin = at
        elif kind:
            tokens[at] = Token(*tokens[at][:4], True, kind == _GAP)
    yield tokens[begin:]


def _kind(between: str) -> int:
    """Return what stands between two words: nothing that matters (0), or what parts them, and how much."""
    if _OTHERS.search(between):
        return _APART
    if _BORDER.search(between):
        return _GAP if _ELLIPSIS.search(between) else _SENTENCE
    return 0


def is_doubtful(token: Token, index: Index) -> bool:
    """Tell whether the word can be read in two ways: as one, or as several that Uthmani script writes together."""
    return token.spellings[1] in index.doubtful


def read_otherwise(run: Run, index: Index) -> list[Token]:
    """Return the run with every doubtful word taken for several."""
    found: list[Token] = []
    for token in run:
        parts = index.doubtful.get(token.spellings[1])
        if parts is None:
            found.append(token)
            continue
        apart = [(part, part) for part in parts]
        for number, (spellings, key) in enumerate(zip(apart, index.keys_of(apart), strict=True)):
            rest = token[4:] if not number else (False, False)
            found.append(Token(token.start, token.end, spellings, key, *rest))
    return found


_Words = tuple[list[tuple[int, int]], list[tuple[str, str]], list[int]]


def _words(text: str, index: Index) -> _Words:
    """Return where the words are, how they are spelled, and the numbers of their skeletons."""
    spans = [found.span() for found in WORD.finditer(text)]
    if not spans:
        return [], [], []
    written = [text[start:end] for start, end in spans]
    bare = fold_all(written)
    if "" in bare:  # pause marks that stand alone
        kept = [at for at, letters in enumerate(bare) if letters]
        spans, written = [spans[at] for at in kept], [written[at] for at in kept]
        bare = [bare[at] for at in kept]
    full = _full(written, bare) if SMALL_ALEF in text else bare
    spellings = list(zip(bare, full, strict=True))
    joined = index.joined.keys()
    if joined.isdisjoint(bare) and joined.isdisjoint(full):
        return spans, spellings, index.keys_of(spellings)
    return _taken_apart(spans, spellings, index)


def _full(written: Sequence[str], bare: Sequence[str]) -> Sequence[str]:
    """Return the words with their small alefs as letters."""
    full = list(bare)
    places = [at for at, word in enumerate(written) if SMALL_ALEF in word]
    for at, word in zip(places, fold_all_full([written[at] for at in places]), strict=True):
        full[at] = word
    return full


def _taken_apart(
    spans: Sequence[tuple[int, int]], spellings: Sequence[tuple[str, str]], index: Index
) -> _Words:
    """Return the words with those that Uthmani script writes in one as several at the same place."""
    found = []
    for span, (bare, full) in zip(spans, spellings, strict=True):
        parts = index.joined.get(full) or index.joined.get(bare)
        if parts is None:
            found.append((span, (bare, full)))
        else:
            found += [(span, (part, part)) for part in parts]
    apart = [both for _, both in found]
    return [span for span, _ in found], apart, index.keys_of(apart)
