"""Finds what a text quotes from the Qur'an or presents as such, and says of each whether it is.

No model, no network: words are compared with the text itself. Nothing is corrected, only told.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, pairwise

from wisqu.scripture.claims import Claim, claims, is_introduced
from wisqu.scripture.index import LONGEST_SHORT, UNKNOWN, Index, index
from wisqu.scripture.letters import WORD, fold
from wisqu.scripture.matching import Match, exact_length, matches
from wisqu.scripture.references import Reference, references
from wisqu.scripture.short import closest
from wisqu.scripture.tokens import Run, is_doubtful, read_otherwise, runs
from wisqu.scripture.verdicts import Mistake, Place, Quotation, judge, uthmani_words

# Unmarked words are taken for a quotation from so many on: fewer meet by chance, or are everybody's phrases.
_LEAST_EXACT = 5
_LEAST_WHOLE = 4  # of a whole verse that stands by itself
_LEAST_INTRODUCED = 3  # behind words such as `Allah says`
_LEAST_ALTERED = 6
_LEAST_SENTENCE = 3  # words of a sentence that is laid beside the short verses
_MOST_CHANGED = 0.34
_BESIDE = 4  # words beside a quotation that may have kept it from being longer
# The commonest words stand in thousands of places.
_MOST_LOOKED_AT, _MOST_PLACES = 300, 50
# A reference belongs to the quotation when no more than this stands between them.
_REACH_AFTER, _REACH_BEFORE = 45, 130


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found in a text."""

    quotations: tuple[Quotation, ...] = ()
    references: tuple[Reference, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing found is wrong."""
        return all(each.verdict == "genuine" for each in self.quotations) and all(
            each.state == "real" for each in self.references
        )


def check(text: str) -> Report:
    """Return the quotations and references in the text. Time grows with the text's length, whatever it holds."""
    named = references(text)
    if WORD.search(text) is None:
        return Report(references=tuple(named))
    source = index()
    marked = _outermost(
        [claim for claim in claims(text) if claim.is_certain or _is_referred(claim, named, text)]
    )
    found = [quotation for run in runs(text, source) for quotation in _of_run(text, run, marked, source)]
    quotations, named = _with_references(text, found, named)
    return Report(tuple(quotations), tuple(named))


def _is_referred(claim: Claim, named: Sequence[Reference], text: str) -> bool:
    return _beside(claim.start, claim.end, named, text) is not None


def _outermost(found: list[Claim]) -> list[Claim]:
    kept: list[Claim] = []
    for claim in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or claim.start >= kept[-1].end:
            kept.append(claim)
    return kept


# --- Quotations -------------------------------------------------------------------------------------------------------


def _of_run(text: str, run: Run, marked: Sequence[Claim], source: Index) -> Iterator[Quotation]:
    starts = run.starts
    begin = bisect_right(marked, starts[0], key=lambda claim: claim.end)
    stop = bisect_right(marked, starts[-1], key=lambda claim: claim.start)
    at, size = 0, len(run)
    for claim in marked[begin:stop]:
        first, last = bisect_left(starts, claim.start), bisect_left(starts, claim.end)
        if first >= last or first < at:
            continue
        if first - at >= _LEAST_SENTENCE:
            yield from _either_way(_unmarked, text, run.part(at, first), source)
        yield from _either_way(_marked, text, run.part(first, last), source)
        at = last
    if size - at >= _LEAST_SENTENCE:
        yield from _either_way(_unmarked, text, run.part(at, size), source)


def _either_way(
    judged: Callable[[str, Run, Index], Iterator[Quotation]], text: str, run: Run, source: Index
) -> list[Quotation]:
    """Judge words; where some look altered and can be read in two ways, take the one that fits better."""
    found = list(judged(text, run, source))
    wrong = _wrong(found)
    if not any(_turns_on_doubt(each, run, source) for each in wrong):
        return found
    other = list(judged(text, read_otherwise(run, source), source))
    return other if len(_wrong(other)) < len(wrong) and len(other) <= len(found) else found


def _wrong(quotations: Sequence[Quotation]) -> list[Quotation]:
    return [each for each in quotations if each.verdict in ("altered", "unknown")]


def _turns_on_doubt(quotation: Quotation, run: Run, source: Index) -> bool:
    """Tell whether a word that can be read in two ways is among those that differ, or beside the quotation.

    One that fits as it stands changes nothing, and reading a long text twice for its sake is work for nothing.
    """
    differing = [(each.start, each.end) for each in quotation.differences]
    if quotation.verdict == "unknown":
        differing = [(quotation.start, quotation.end)]
    first, last = (bisect_left(run.starts, at) for at in (quotation.start, quotation.end))
    spans = [(bisect_left(run.starts, start), bisect_left(run.starts, end)) for start, end in differing]
    spans += [(max(0, first - _BESIDE), first), (last, last + _BESIDE)]
    return any(is_doubtful(run, begin, end, source) for begin, end in spans)


def _marked(text: str, run: Run, source: Index) -> Iterator[Quotation]:
    """Judge words that are presented as the Qur'an's: each of them has to be."""
    body = run.part(_basmala(run, source), len(run))
    if not len(body):
        yield judge(text, run, _at(run, 0, len(run), _BASMALA, source), source)
        return
    found = matches(body, source) or _few_words(body, source)
    exact = sum([match.last - match.first for match in found if match.is_exact])
    if exact < len(body):
        whole = closest(body, 0, len(body), source, is_marked=True)
        if whole is not None and (not found or whole.score > sum(match.score for match in found)):
            found = [whole]
    covered = sum([match.last - match.first for match in found])
    if sum([match.fitting for match in found]) * 2 < len(body):
        yield Quotation(run.starts[0], run.ends[-1], text[run.starts[0] : run.ends[-1]], "unknown")
    elif covered == len(body):
        yield from (judge(text, body, match, source) for match in found)
    else:
        yield _altered_whole(text, body, found, source)


def _few_words(run: Run, source: Index) -> list[Match]:
    """Return one or two words where they stand in the text."""
    if len(run) > 2:
        return []
    begins = _begins(tuple(zip(run.bare, run.full, strict=True)), source)
    if not begins:
        return []
    return [Match(0, len(run), begins[0], begins[0] + len(run), together=2, others=begins[1:])]


@lru_cache(maxsize=512)
def _begins(words: tuple[tuple[str, str], ...], source: Index) -> list[int]:
    """Return where the words stand, whole verses first."""
    candidates = islice(source.with_word(words[0][0]), _MOST_LOOKED_AT)
    found = [
        begin
        for begin in candidates
        if begin + len(words) <= len(source)
        and all(source.is_word(begin + at, *word) for at, word in enumerate(words))
    ]
    size = len(words)
    found.sort(key=lambda at: not (source.begins_verse(at) and source.ends_verse(at + size - 1)))
    return found[:_MOST_PLACES]


def _altered_whole(text: str, run: Run, found: list[Match], source: Index) -> Quotation:
    """Return what holds genuine words and others beside them as one altered quotation."""
    best = max(found, key=lambda match: match.score)
    one = judge(text, run, best, source)
    others = list(one.differences)
    covered = [range(match.first, match.last) for match in found]
    free = [at for at in range(len(run)) if not any(at in span for span in covered)]
    for first, last in _spans(free):
        start, end = run.starts[first], run.ends[last - 1]
        others.append(Mistake(start, end, text[start:end], _beside_match(first, last, best, source)))
    others.sort(key=lambda each: each.start)
    start, end = run.starts[0], run.ends[-1]
    return replace(
        one, start=start, end=end, text=text[start:end], verdict="altered", differences=tuple(others)
    )


def _beside_match(first: int, last: int, match: Match, source: Index) -> str:
    """Return what the verse says where the words right before or behind a match stand."""
    verse_begin, verse_end = source.span(source.verse_of(match.begin))
    if last == match.first:
        return " ".join(uthmani_words(max(verse_begin, match.begin - (last - first)), match.begin, source))
    if first == match.last:
        verse_end = source.span(source.verse_of(match.end - 1))[1]
        return " ".join(uthmani_words(match.end, min(verse_end, match.end + last - first), source))
    return ""


def _spans(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = None
    for at, number in enumerate(numbers):
        if first is None:
            first = number
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            yield first, number + 1
            first = None


def _unmarked(text: str, run: Run, source: Index) -> Iterator[Quotation]:
    """Judge words that nobody presents as a quotation: enough of them must be the Qur'an's to be one."""
    found = matches(run, source)
    found += list(_whole_sentences(run, found, source))
    for match in sorted(found, key=lambda each: each.first):
        if _is_enough(text, run, match) and not _is_phrase(run, match):
            yield judge(text, run, match, source)


def _whole_sentences(run: Run, found: Sequence[Match], source: Index) -> Iterator[Match]:
    """Yield sentences that are a short verse but for a change, where no match has been found."""
    borders = [0, *[at for at, kind in enumerate(run.breaks) if at and kind], len(run)]
    ends = [match.last for match in found]
    for first, last in pairwise(borders):
        if not _LEAST_SENTENCE <= last - first <= LONGEST_SHORT + 1:
            continue
        # A word that the text has nowhere is a change, and nearly every sentence has two of them.
        if run.keys[first:last].count(UNKNOWN) > 1:
            continue
        at = bisect_right(ends, first)
        inside = found[at : bisect_left(found, last, lo=at, key=lambda match: match.first)]
        if any(match.last - match.first >= last - first for match in inside):
            continue
        whole = closest(run, first, last, source, is_marked=False)
        if whole is not None and all(whole.score > match.score for match in inside):
            yield whole


def _is_enough(text: str, run: Run, match: Match) -> bool:
    is_whole, fitting = match.together == 2, match.fitting
    if match.is_exact:
        if fitting >= (_LEAST_WHOLE if is_whole else _LEAST_EXACT):
            return True
        return fitting >= _LEAST_INTRODUCED and is_introduced(text, run.starts[match.first])
    if match.changes > _MOST_CHANGED * (fitting + match.changes):
        return False
    if is_whole:
        return fitting >= _LEAST_WHOLE - 1
    return fitting >= (_LEAST_EXACT if _stands_alone(run, match) else _LEAST_ALTERED)


def _stands_alone(run: Run, match: Match) -> bool:
    """Tell whether the words are a whole sentence, line or cell."""
    begins = match.first == 0 or bool(run.breaks[match.first])
    return begins and (match.last == len(run) or bool(run.breaks[match.last]))


# What people say that also stands in the Qur'an: no quotation unless it is marked as one.
_PHRASES = frozenset(
    tuple(map(fold, phrase.split(" ")))
    for phrase in (
        "بسم الله الرحمن الرحيم",
        "الحمد لله رب العالمين",
        "لا اله الا الله",
        "لا اله الا هو",
        "انا لله وانا اليه راجعون",
        "حسبنا الله ونعم الوكيل",
        "ان شاء الله",
        "ما شاء الله",
        "سبحان الله رب العالمين",
        "بالله من الشيطان الرجيم",
        "على كل شيء قدير",
        "هو على كل شيء قدير",
        "عليه توكلت واليه انيب",
        "لا قوة الا بالله",
        "السلام على من اتبع الهدى",
        "والسلام على من اتبع الهدى",
        "في سبيل الله",
        "من الشيطان الرجيم بسم الله الرحمن الرحيم",
        "رب العرش العظيم",
        "يا ايها الذين امنوا",
        "والحمد لله رب العالمين",
        "ان الحمد لله رب العالمين",
        "لله رب العالمين",
    )
)


def _is_phrase(run: Run, match: Match) -> bool:
    words = tuple(run.bare[match.first : match.last])
    if match.begin == _BASMALA:
        words = words[_BASMALA_WORDS:]
    return not words or words in _PHRASES


_BASMALA = 0  # the number of its first word in the text
_BASMALA_WORDS = 4


def _basmala(run: Run, source: Index) -> int:
    """Return how many words of a basmala stand in front."""
    return _BASMALA_WORDS if exact_length(run, 0, _BASMALA, source) == _BASMALA_WORDS else 0


def _at(run: Run, first: int, last: int, begin: int, source: Index) -> Match:
    return Match(first, last, begin, begin + last - first)


# --- References -------------------------------------------------------------------------------------------------------


def _with_references(
    text: str, found: list[Quotation], named: list[Reference]
) -> tuple[list[Quotation], list[Reference]]:
    """Put each quotation and the reference beside it together; a reference that names other verses is a mismatch."""
    mismatched: dict[int, Reference] = {}
    quotations = []
    for quotation in found:
        one = _beside(quotation.start, quotation.end, named, text)
        if one is not None:
            meant = [place for place in quotation.places if _meets(one, place)]
            if one.state == "real" and quotation.places and not meant:
                one = mismatched[one.start] = replace(one, state="mismatch")
            # The place that the reference names comes first.
            others = [place for place in quotation.places if place not in meant]
            places = (*meant, *others) if one.state == "real" else quotation.places
            quotation = replace(quotation, reference=one, places=places)
        quotations.append(quotation)
    return quotations, [mismatched.get(one.start, one) for one in named]


def _meets(one: Reference, place: Place) -> bool:
    return one.surah == place.surah and one.first <= place.last and place.first <= one.last


def _beside(start: int, end: int, named: Sequence[Reference], text: str) -> Reference | None:
    """Return the reference that belongs to what stands between `start` and `end`: right behind it, else before it."""
    at = bisect_left(named, end, key=lambda one: one.start)
    if (
        at < len(named)
        and named[at].start <= end + _REACH_AFTER
        and "\n\n" not in text[end : named[at].start]
    ):
        return named[at]
    at = bisect_right(named, start, key=lambda one: one.end)
    if at and named[at - 1].end >= start - _REACH_BEFORE and "\n\n" not in text[named[at - 1].end : start]:
        return named[at - 1]
    return None
