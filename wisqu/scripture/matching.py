"""Where the words of a run stand in the text: word for word, or with a few words changed.

Three words in a row find the candidates. From there the match grows to both sides as long as it pays: a word that fits
gains, one that is changed, missing or too many costs, and it ends where it has lost more than it may.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from wisqu.scripture.index import Index, three_key
from wisqu.scripture.tokens import GAP, Run

Change = Literal["replaced", "added", "missing", "vowels"]

_SEED = 3
# A candidate that fits best word for word is enough; these many equals are looked at for what comes beyond a change.
_MOST_CANDIDATES = 12
_MANY = 150  # matches of one text, after which only the first candidate is looked at: no answer has as many
_GAIN, _COST = 1.0, 1.0  # of a word that fits, of one that doesn't
_MOST_LOSS = 2.5
# What it tells when a verse and a sentence end at the same word.
_TOGETHER = 1.5
_LOOK_AHEAD = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: words `first` to `last` of the run stand for the words `begin` to `end` of the text."""

    kind: Change
    first: int
    last: int
    begin: int
    end: int


@dataclass(slots=True)
class Match:
    """Words `first` to `last` of a run are words `begin` to `end` of the text, but for the differences."""

    first: int
    last: int
    begin: int
    end: int
    differences: list[Difference] = field(default_factory=list)
    together: int = 0  # at how many of its ends a verse and a sentence or quotation end as well
    swaps: int = 0
    others: list[int] = field(default_factory=list)  # further places that begin the same text

    @property
    def is_exact(self) -> bool:
        """Whether every word is the text's."""
        return not self.differences

    @property
    def fitting(self) -> int:
        """How many words fit. Two that changed places do."""
        changed = sum(each.last - each.first for each in self.differences)
        return self.last - self.first - changed + 2 * self.swaps

    @property
    def changes(self) -> int:
        """How many words are changed, missing or too many; two that changed places are one."""
        changed = sum(max(each.last - each.first, each.end - each.begin) for each in self.differences)
        return changed - self.swaps

    @property
    def score(self) -> float:
        """How much speaks for it."""
        if not self.differences:  # most have none
            return self.last - self.first + self.together * _TOGETHER
        return self.fitting - self.changes + self.together * _TOGETHER

    def number_at(self, at: int) -> int:
        """Return the number of the word in the text that a fitting word of the run stands for."""
        before = bisect_right(self.differences, at, key=lambda each: each.last)
        if not before:
            return at + self.begin - self.first
        nearest = self.differences[before - 1]
        return at + nearest.end - nearest.last

    def fits_until(self, at: int) -> int:
        """Return where the words that fit in a row from `at` on end."""
        after = bisect_right(self.differences, at, key=lambda each: each.last)
        return self.differences[after].first if after < len(self.differences) else self.last

    def fitting_words(self) -> Iterator[tuple[int, int]]:
        """Yield the words of the run that fit, each with its distance from the first word of the text."""
        at, offset = self.first, 0
        for each in self.differences:
            yield from zip(range(at, each.first), range(offset, each.begin - self.begin), strict=True)
            at, offset = each.last, each.end - self.begin
        yield from zip(range(at, self.last), range(offset, self.end - self.begin), strict=True)

    def is_like(self, other: Match) -> bool:
        """Tell whether another place fits the same words as well."""
        mine, theirs = (
            (each.first, each.last, each.end - each.begin, each.changes) for each in (self, other)
        )
        return mine == theirs


def matches(run: Run, index: Index) -> list[Match]:
    """Return what stands in the text, in the run's order and without overlaps: the best matches win."""
    found: list[Match] = []
    furthest: Match | None = None
    at = index.threes.next_in(run.keys, 0)
    while at >= 0:
        begins = index.threes.get(three_key(*run.keys[at : at + _SEED]))
        # What the furthest match covers has been looked at: long texts would be walked once a word.
        if furthest is not None and at < furthest.last and furthest.number_at(at) in begins:
            length = furthest.fits_until(at) - _SEED + 1 - at
        else:
            most = _MOST_CANDIDATES if len(found) < _MANY else 1
            candidate, length = _best(run, begins, at, index, most=most)
            if candidate is not None:
                found.append(candidate)
                if furthest is None or candidate.last > furthest.last:
                    furthest = candidate
        at = index.threes.next_in(run.keys, at + max(1, length))
    return _without_overlaps(found)


def _without_overlaps(found: list[Match]) -> list[Match]:
    if len(found) < 2:
        return found
    taken: list[Match] = []
    for match in sorted(found, key=lambda each: (-each.score, each.first)):
        at = bisect_left(taken, match.first, key=lambda each: each.first)
        before_is_free = at == 0 or taken[at - 1].last <= match.first
        after_is_free = at == len(taken) or match.last <= taken[at].first
        if before_is_free and after_is_free:
            taken.insert(at, match)
    return taken


def _best(run: Run, places: Sequence[int], at: int, index: Index, *, most: int) -> tuple[Match | None, int]:
    """Return the best match that holds the three words from `at` on, and after how many words to look again."""
    longest, begins = 0, []
    for begin in places:
        length = exact_length(run, at, begin, index)
        if length > longest:
            longest, begins = length, [begin]
        elif length == longest:
            begins.append(begin)
    if longest < _SEED:
        return None, 1
    grown = [_grow(run, at, begin, longest, index) for begin in begins[:most]]
    best = max(grown, key=lambda match: match.score) if len(grown) > 1 else grown[0]
    if best.is_exact:
        size, shift = best.last - best.first, at - best.first
        others = (begin - shift for begin in begins if begin - shift != best.begin)
        best.others = [begin for begin in others if exact_length(run, best.first, begin, index) >= size]
    else:
        best.others = [match.begin for match in grown if match is not best and match.is_like(best)]
    return best, max(1, longest - _SEED + 1)


def exact_length(run: Run, at: int, begin: int, index: Index) -> int:
    """Return how many words from `at` on are the text's words from `begin` on."""
    row, forms, bare, full = index.row, index.forms, run.bare, run.full
    end = min(len(bare), at + len(row) - begin)
    shift = begin - at
    for last in range(at, end):
        form = forms[row[last + shift]]
        if bare[last] not in form and full[last] not in form:
            end = last
            break
    gap = run.breaks.find(GAP, at + 1, end)
    return (end if gap < 0 else gap) - at


def fits(run: Run, at: int, begin: int, index: Index) -> bool:
    """Tell whether a word of the run may be the text's word of that number."""
    return index.is_word(begin, run.bare[at], run.full[at])


def _grow(run: Run, at: int, begin: int, length: int, index: Index) -> Match:
    last, end, after = _extend(run, at + length, begin + length, 1, len(run), index)
    first, start, before = _extend(run, at - 1, begin - 1, -1, -1, index)
    differences = [*reversed(before), *after]
    match = Match(first, last, start, end, differences)
    match.together = _end_together(run, first, start, -1, index) + _end_together(
        run, last - 1, end - 1, 1, index
    )
    if differences:
        match.swaps = sum(is_swap(run, each, index) for each in differences)
    return match


def _extend(
    run: Run, at: int, begin: int, step: int, stop: int, index: Index
) -> tuple[int, int, list[Difference]]:
    """Follow run and text in one direction over changes that pay; return both borders and the changes.

    Going right the borders are one after the last words that fit, going left they are the first ones.
    """
    score = best = 0.0
    differences: list[Difference] = []
    kept = (at, begin, 0)
    limit = len(index) if step > 0 else -1
    while at != stop and begin != limit:
        if fits(run, at, begin, index):
            score += _GAIN
            if differences and _end_together(run, at, begin, step, index):
                score += _TOGETHER
            at, begin = at + step, begin + step
            if score >= best:
                best, kept = score, (at, begin, len(differences))
            continue
        words, texts, cost = _next_fit(run, at, begin, step, stop, limit, index)
        score -= cost
        if words < 0 or score < best - _MOST_LOSS:
            break
        differences.append(_difference(at, words, begin, texts, step))
        at, begin = at + step * words, begin + step * texts
        if _end_together(run, at - step, begin - step, step, index):
            kept = (at, begin, len(differences))
            break
    at, begin, count = kept
    edge = 1 if step < 0 else 0
    return at + edge, begin + edge, differences[:count]


def _end_together(run: Run, at: int, begin: int, step: int, index: Index) -> bool:
    """Tell whether these words are the last (going left: the first) of a verse, and of a sentence or quotation."""
    if step > 0:
        return (at + 1 == len(run) or run.breaks[at + 1] > 0) and index.ends_verse(begin)
    return (at == 0 or run.breaks[at] > 0) and index.begins_verse(begin)


def _next_fit(
    run: Run, at: int, begin: int, step: int, stop: int, limit: int, index: Index
) -> tuple[int, int, float]:
    """Return how many words of the run and of the text to pass until both fit again, and what that costs.

    The numbers are -1 where they don't fit again.
    """
    do_meet = _meet(run, at, begin, step, index)
    has_two = do_meet and (stop - at) * step >= 2 and (limit - begin) * step >= 2
    if has_two and is_swap(run, _difference(at, 2, begin, 2, step), index):
        return 2, 2, _COST
    for words, texts in _SHAPES if do_meet else _ENDS:
        one, other = at + step * words, begin + step * texts
        if (stop - one) * step < 0 or (limit - other) * step < 0:
            continue
        is_last = words == texts <= 2 and _end_together(run, one - step, other - step, step, index)
        if is_last or _fits_on(run, one, other, step, stop, limit, index):
            return words, texts, max(words, texts) * _COST
    return -1, -1, 0.0


def _meet(run: Run, at: int, begin: int, step: int, index: Index) -> bool:
    """Tell whether any of the next words of the run is one of the next words of the text, wherever."""
    first, start = (at, begin) if step > 0 else (at - _LOOK_AHEAD, begin - _LOOK_AHEAD)
    here = slice(max(0, first), max(0, first + _LOOK_AHEAD + 1))
    there = slice(max(0, start), max(0, start + _LOOK_AHEAD + 1))
    words = {*run.bare[here], *run.full[here]}
    forms = index.forms
    return any(not words.isdisjoint(forms[form]) for form in index.row[there])


def is_swap(run: Run, difference: Difference, index: Index) -> bool:
    """Tell whether two words changed places."""
    if (difference.last - difference.first, difference.end - difference.begin) != (2, 2):
        return False
    at, begin = difference.first, difference.begin
    return fits(run, at, begin + 1, index) and fits(run, at + 1, begin, index)


def _fits_on(run: Run, at: int, begin: int, step: int, stop: int, limit: int, index: Index) -> bool:
    """Tell whether two words fit, or the only one that is left: a single one in the middle fits by chance."""
    if (stop - at) * step <= 0 or (limit - begin) * step <= 0 or not fits(run, at, begin, index):
        return False
    if _end_together(run, at, begin, step, index):
        return True
    at, begin = at + step, begin + step
    if (stop - at) * step <= 0 or (limit - begin) * step <= 0:
        return True
    return fits(run, at, begin, index)


def _shapes(distance: int) -> list[tuple[int, int]]:
    """Return the changes of that size: replaced first, then one side longer."""
    return [
        (distance, distance),
        *((distance, less) for less in range(distance - 1, -1, -1)),
        *((less, distance) for less in range(distance - 1, -1, -1)),
    ]


# What is looked at behind a word that doesn't fit, the smallest change first.
_SHAPES = tuple(shape for distance in range(1, _LOOK_AHEAD + 1) for shape in _shapes(distance))
_ENDS = ((1, 1), (2, 2))  # those that need no word behind them, where a verse and a sentence end


def _difference(at: int, words: int, begin: int, texts: int, step: int) -> Difference:
    kind: Change = "replaced" if words and texts else "added" if words else "missing"
    if step > 0:
        return Difference(kind, at, at + words, begin, begin + texts)
    return Difference(kind, at - words + 1, at + 1, begin - texts + 1, begin + 1)
