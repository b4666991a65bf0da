"""Short verses with a changed word: too little stays the same for three words in a row to find them.

A whole sentence or quotation of a few words is laid beside the short verses that share words with it, end to end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from wisqu.scripture.index import LONGEST_SHORT, Index, pair_key, pairs_in, word_key
from wisqu.scripture.matching import Change, Difference, Match, fits, is_swap
from wisqu.scripture.tokens import Run

_MOST_CHANGES = 2
_LEAST = 3  # words that must fit where nobody says that it is a verse


def _candidates(keys: Sequence[int], text: Index, *, is_marked: bool) -> Iterable[int]:
    """Return the verses to lay a sentence beside. What is no quotation by its marks shares at least a pair of words."""
    found: set[int] = set()
    if not is_marked:
        for pair in pairs_in(keys):
            found.update(text.with_pair.get(pair_key(*pair)))
        return found
    for length in range(len(keys) - 1, min(len(keys) + 1, LONGEST_SHORT) + 1):
        shared = Counter(
            verse for key in set(keys) if key >= 0 for verse in text.short_with.get(word_key(key, length))
        )
        # A word that comes twice counts once.
        found.update(verse for verse, count in shared.items() if count >= _least(length) - 1)
    return found


def _least(length: int) -> int:
    """Return how many words of a marked quotation must fit a verse of that length."""
    return max(1, length // 2)


def closest(run: Run, first: int, last: int, text: Index, *, is_marked: bool) -> Match | None:
    """Return how words `first` to `last` of the run are a whole short verse but for a change; None when they are none.

    What is marked as a quotation may have changed more than a sentence that merely resembles a verse.
    """
    size = last - first
    if not 2 <= size <= LONGEST_SHORT + 1:
        return None
    words = zip(run.keys[first:last], run.bare[first:last], strict=True)
    keys = [text.key_like(word) if key < 0 else key for key, word in words]
    best: Match | None = None
    for verse in _candidates(keys, text, is_marked=is_marked):
        begin, end = text.span(verse)
        least = _least(end - begin) if is_marked else _LEAST
        if abs(end - begin - size) > 1:
            continue
        match = _lay(run, first, last, begin, end, text)
        if match is None or match.fitting < least:
            continue
        if match.changes > (2 if is_marked and size > 4 else 1):
            continue
        if best is None or (match.score, -match.begin) > (best.score, -best.begin):
            match.others = (
                [best.begin, *best.others] if best is not None and best.score == match.score else []
            )
            best = match
        elif match.score == best.score:
            best.others.append(match.begin)
    return best


def _lay(run: Run, first: int, last: int, begin: int, end: int, text: Index) -> Match | None:
    """Lay the words beside a whole verse; what does not fit at the same distance from either end is the change."""
    size, length = last - first, end - begin
    ahead = 0
    while ahead < min(size, length) and fits(run, first + ahead, begin + ahead, text):
        ahead += 1
    back = 0
    while back < min(size, length) - ahead and fits(run, last - back - 1, end - back - 1, text):
        back += 1
    words, texts = size - ahead - back, length - ahead - back
    if max(words, texts) > _MOST_CHANGES:
        return None
    match = Match(first, last, begin, end, together=2)
    if words or texts:
        kind: Change = "replaced" if words and texts else "added" if words else "missing"
        match.differences = [Difference(kind, first + ahead, last - back, begin + ahead, end - back)]
        match.swaps = sum(is_swap(run, each, text) for each in match.differences)
    return match
