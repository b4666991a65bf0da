"""What is said of a quotation once it is known where its words stand: genuine, cut or altered, and where exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from wisqu.scripture import verses
from wisqu.scripture.index import Index
from wisqu.scripture.letters import fold
from wisqu.scripture.matching import Difference, Match
from wisqu.scripture.references import Reference
from wisqu.scripture.tokens import Run
from wisqu.scripture.vowels import VOWEL, agree

Verdict = Literal["genuine", "cut", "altered", "unknown"]

_MOST_PLACES = 100  # `O you who believe` stands in 89


@dataclass(frozen=True, slots=True)
class Place:
    """Verses `first` to `last` of a chapter."""

    surah: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """The text from `start` to `end` (code points) says `found` where the Qur'an says `expected`."""

    start: int
    end: int
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Quotation:
    """Something quoted, from `start` to `end` (code points)."""

    start: int
    end: int
    text: str
    verdict: Verdict
    places: tuple[Place, ...] = ()
    differences: tuple[Mistake, ...] = ()
    reference: Reference | None = None


def judge(text: str, run: Run, match: Match, source: Index) -> Quotation:
    start, end = run.starts[match.first], run.ends[match.last - 1]
    differences = [*match.differences, *_wrong_vowels(text, run, match, source)]
    verdict: Verdict = "genuine"
    if differences:
        verdict = "altered"
    elif _is_cut(match, source):
        verdict = "cut"
    return Quotation(
        start,
        end,
        text[start:end],
        verdict,
        _places((match.begin, *match.others), match.end - match.begin, match.together == 2, source),
        tuple(_mistake(text, run, each, source) for each in sorted(differences, key=lambda each: each.first)),
    )


@lru_cache(
    maxsize=256
)  # the same word in brackets a thousand times would be looked up in fifty places each time
def _places(begins: tuple[int, ...], length: int, is_whole: bool, source: Index) -> tuple[Place, ...]:
    if is_whole:  # where it is a whole verse before where it is a part
        begins = tuple(
            sorted(
                begins, key=lambda at: not (source.begins_verse(at) and source.ends_verse(at + length - 1))
            )
        )
    return tuple(dict.fromkeys(_place(begin, length, source) for begin in begins[:_MOST_PLACES]))


def _place(begin: int, length: int, source: Index) -> Place:
    surah, first = source.places[source.verse_of(begin)]
    other, last = source.places[source.verse_of(min(begin + length, len(source)) - 1)]
    return Place(surah, first, last if other == surah else verses.lengths()[surah])


def _mistake(text: str, run: Run, difference: Difference, source: Index) -> Mistake:
    expected = " ".join(uthmani_words(difference.begin, difference.end, source))
    if difference.first == difference.last:  # missing: the place between two words
        at = run.ends[difference.first - 1] if difference.first else run.starts[0]
        return Mistake(at, at, "", expected)
    start, end = run.starts[difference.first], run.ends[difference.last - 1]
    return Mistake(start, end, text[start:end], expected)


def uthmani_words(begin: int, end: int, source: Index) -> list[str]:
    """Return the words of those numbers in Uthmani script."""
    while begin < end and begin in source.inside:
        begin -= 1
    return [word for word in _by_number(begin, end, source) if word]


def _by_number(begin: int, end: int, source: Index) -> list[str]:
    """Return for each of the words how Uthmani script writes it; empty where it is part of the word before."""
    words: list[str] = []
    verse = source.verse_of(begin)
    while begin < end:
        first, last = source.span(verse)
        words += _written(verse, source)[begin - first : end - first]
        begin, verse = last, verse + 1
    return words


@lru_cache(maxsize=2048)
def _written(verse: int, source: Index) -> list[str]:
    words = verses.words(*source.places[verse])
    first, last = source.span(verse)
    if len(words) == last - first:
        return words
    written = iter(words)
    return ["" if number in source.inside else next(written) for number in range(first, last)]


def _wrong_vowels(text: str, run: Run, match: Match, source: Index) -> list[Difference]:
    """Return the words whose vowels contradict the text at every place where the quotation stands."""
    if VOWEL.search(text, run.starts[match.first], run.ends[match.last - 1]) is None:
        return []
    words, mine = list(match.fitting_words()), run.written
    best: list[Difference] = []
    length = match.end - match.begin
    for turn, begin in enumerate([match.begin, *match.others][:_MOST_PLACES]):
        theirs = [*_by_number(begin, min(begin + length + 1, len(source)), source), "-"]
        wrong = [
            Difference("vowels", at, at + 1, begin + offset, begin + offset + 1)
            for at, offset in words
            # What is part of a longer word there can't be compared.
            if mine[at] != theirs[offset]
            and theirs[offset]
            and theirs[offset + 1]
            and not agree(mine[at], theirs[offset])
        ]
        if not turn or len(wrong) < len(best):
            best = wrong
        if not best:
            break
    return best


# --- Cuts -------------------------------------------------------------------------------------------------------------


def _words(line: str) -> frozenset[str]:
    return frozenset(map(fold, line.split(" ")))


_NEGATIONS = _words("لا ولا فلا لم ولم فلم أفلم أولم لن ولن فلن ليس وليس أليس إلا غير بغير لئلا ما وما فما")
_CONDITIONS = _words("إن وإن فإن لو ولو فلو لولا ولولا إذا وإذا فإذا لئن ولئن كأن لعل")
_EXCEPTIONS = _words("إلا غير سوى حتى")
# `ma` denies, or it means `what`: the latter before a word of place.
_DOUBTFUL, _OF_PLACE = (
    _words("ما وما فما"),
    _words("في بين عند تحت فوق وراء خلف معه معي لديهم لديكم لكم له لهم"),
)


def _is_cut(match: Match, source: Index) -> bool:
    """Tell whether the cut drops a negation or condition right before, or an exception right after, the quotation."""
    return all(
        _drops(begin, begin + match.end - match.begin, source)
        for begin in [match.begin, *match.others][:_MOST_PLACES]
    )


def _drops(begin: int, end: int, source: Index) -> bool:
    if not source.begins_verse(begin):
        before = source.letters(begin - 1)
        # `in` and `an` look alike without vowels: only the first makes a condition.
        is_what = before in _DOUBTFUL and source.letters(begin) in _OF_PLACE
        if (before in _NEGATIONS and not is_what) or (
            before in _CONDITIONS and _is_condition(begin - 1, source)
        ):
            return True
    return not source.ends_verse(end - 1) and source.letters(end) in _EXCEPTIONS


def _is_condition(number: int, source: Index) -> bool:
    word = uthmani_words(number, number + 1, source)[0]
    return fold(word) not in {"ان", "وان", "فان"} or ("\u0650" in word and "\u0651" not in word)
