"""What was found about an answer's quotations, as people are told it: beneath the answer, and in exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from quran.passages import number_sign
from wisqu.scripture import verses
from wisqu.scripture.index import Index, index
from wisqu.scripture.matching import exact_length
from wisqu.scripture.names import surah_name
from wisqu.scripture.tokens import Run, read_otherwise, runs
from wisqu.scripture.verdicts import uthmani_words

Document = dict[str, Any]


# Of a long passage the note shows this many verses; the rest is on the page of the chapter.
_MOST_SHOWN = 7
_MOST_PLACES = 6
MOST_NOTES = 200  # on one answer: beyond, it is no answer any more
_RIGHT_TO_LEFT = ("ar", "fa", "ur")


@dataclass(frozen=True, slots=True)
class Verse:
    """A verse to show, with its address."""

    surah: int
    ayah: int

    @property
    def text(self) -> str:
        """Its words in Uthmani script."""
        return verses.verse(self.surah, self.ayah)

    @property
    def url(self) -> str:
        """Where its page is."""
        return reverse("verse", args=[self.surah, self.ayah])

    @property
    def name(self) -> str:
        """How it is called: the chapter's name in the reader's language, and its numbers."""
        return name_of({"surah": self.surah, "from": self.ayah, "to": self.ayah})


class OwnWord(NamedTuple):
    """A word as the text writes it, in the place of what stands from `start` to `end` (code points) of a quotation."""

    start: int
    end: int
    text: str
    sign: str  # the number of the verse that ends with it; empty where none does


@dataclass(frozen=True)
class Note:
    """One thing that was found, from code point `start` to `end` of the answer."""

    kind: str  # genuine, cut, altered, unknown; real, impossible, mismatch
    start: int
    end: int
    written: str
    number: int  # among the notes of its answer, from 1
    places: list[Document] = field(default_factory=list)
    differences: list[Document] = field(default_factory=list)
    reference: Document | None = None

    @property
    def is_flaw(self) -> bool:
        """Whether something is not as it should be."""
        return self.kind not in ("genuine", "real")

    @property
    def is_reference(self) -> bool:
        """Whether it is about a reference alone."""
        return self.kind in ("real", "impossible", "mismatch")

    @property
    def label(self) -> str:
        """What it is, in a word or two."""
        return labels()[self.kind]

    @property
    def name(self) -> str:
        """Which verses it is about; empty where there are none."""
        return name_of(self.places[0]) if self.places else ""

    @property
    def url(self) -> str:
        """Where these verses can be read; empty where there are none."""
        return Verse(self.places[0]["surah"], self.places[0]["from"]).url if self.places else ""

    @property
    def explanation(self) -> str:
        """What was found, in a sentence."""
        return _explained(self)

    @property
    def verses(self) -> list[Verse]:
        """The verses that it is about, as they stand in the text."""
        if not self.places:
            return []
        place = self.places[0]
        last = min(place["to"], place["from"] + _MOST_SHOWN - 1)
        return [Verse(place["surah"], ayah) for ayah in range(place["from"], last + 1)]

    @property
    def others(self) -> list[Verse]:
        """Where else the same words stand."""
        return [Verse(place["surah"], place["from"]) for place in self.places[1 : 1 + _MOST_PLACES]]

    @property
    def others_left_out(self) -> int:
        """In how many further places they stand."""
        return max(0, len(self.places) - 1 - _MOST_PLACES)

    @cached_property
    def own_words(self) -> list[OwnWord]:
        """The quoted words of a genuine quotation as the text writes them; none where they can't be told one by one."""
        if self.kind not in ("genuine", "cut") or not self.places:
            return []
        return _own_words(self.written, self.places[0])

    @cached_property
    def own_text(self) -> str:
        """The same in a line, with the numbers between its verses."""
        return joined(self.own_words)

    @property
    def is_respelled(self) -> bool:
        """Whether the model wrote it otherwise than the text."""
        return bool(self.own_text) and self.own_text != self.written


def labels() -> dict[str, str]:
    """Return how each finding is called."""
    return {
        "genuine": _("Genuine"),
        "cut": _("Cut short"),
        "altered": _("Altered"),
        "unknown": _("Not in the Qur'an"),
        "real": _("Reference"),
        "impossible": _("No such verse"),
        "mismatch": _("Another verse"),
    }


def notes(quotations: list[Document], references: list[Document]) -> list[Note]:
    """Return the notes on an answer in its order: on each quotation, and on each reference that stands by itself."""
    own = {one["reference"]["start"] for one in quotations if one["reference"]}
    found = [(one["start"], one["end"], one["verdict"], one) for one in quotations]
    found += [
        (one["start"], one["end"], one["state"], one)
        for one in references
        if one["start"] not in own or one["state"] != "real"
    ]
    found = sorted(found, key=lambda each: each[:2])[:MOST_NOTES]
    return [_note(kind, one, number) for number, (_, _, kind, one) in enumerate(found, start=1)]


def _note(kind: str, one: Document, number: int) -> Note:
    if "verdict" in one:
        return Note(
            kind,
            one["start"],
            one["end"],
            one["text"],
            number,
            one["places"],
            one["differences"],
            one["reference"],
        )
    place = {"surah": one["surah"], "from": one["from"], "to": one["to"]}
    places = [] if kind == "impossible" else [place]
    return Note(kind, one["start"], one["end"], one["text"], number, places, reference=one)


def name_of(place: Document) -> str:
    """Return the verses by chapter and number, in the reader's language."""
    numbers = f"{place['surah']}:{place['from']}"
    if place["to"] != place["from"]:
        numbers += f"-{place['to']}"
    language = get_language() or "en"
    if language in _RIGHT_TO_LEFT:
        numbers = f"\u2066{numbers}\u2069"  # isolated: else the figures of a range change places
    return f"{surah_name(place['surah'], language)} {numbers}"


def summary(found: list[Note]) -> str:
    """Return in a line how many quotations were checked, and how many are not as they should be."""
    quoted, flaws = (
        [note for note in found if not note.is_reference],
        [note for note in found if note.is_flaw],
    )
    parts = []
    if quoted:
        text = ngettext("%(n)s quotation checked", "%(n)s quotations checked", len(quoted))
        parts.append(text % {"n": len(quoted)})
    if flaws:
        text = ngettext("%(n)s is not as it should be", "%(n)s are not as they should be", len(flaws))
        parts.append(text % {"n": len(flaws)})
    elif quoted:
        parts.append(_("all genuine"))
    return " · ".join(parts)


def notes_on(quotations: list[Document], references: list[Document]) -> list[str]:
    """Return the notes as lines of text, for an export; a real reference that stands alone needs none."""
    return [_line(note) for note in notes(quotations, references) if note.kind != "real"]


def _line(note: Note) -> str:
    line = f"{note.label}: “{note.written}”"
    if note.name:
        line += f" ({note.name})"
    if note.is_flaw:
        line += f". {note.explanation}"
    for verse in note.verses if note.kind in ("altered", "cut", "mismatch") else ():
        line += f" {verse.surah}:{verse.ayah}: {verse.text}"
    return line


def _explained(note: Note) -> str:
    if note.kind == "impossible":
        return _impossible(note.reference or {})
    if note.kind == "mismatch":
        return _("The words quoted beside it stand elsewhere, or this reference names other verses.")
    return {
        "genuine": _("These are the words of the Qur'an."),
        "cut": _("These are words of the Qur'an, but what stands right beside them may turn their meaning."),
        "altered": "; ".join(_difference(each) for each in note.differences)
        or _("This is close to a verse, and not its wording."),
        "unknown": _("This is presented as the Qur'an's words, and nothing in it is like it."),
        "real": _("There is such a verse."),
    }[note.kind]


def _impossible(reference: Document) -> str:
    surah = reference.get("surah", 0)
    if not 1 <= surah <= verses.SURAHS:
        return _("There is no such verse: the Qur'an has %(count)s chapters.") % {"count": verses.SURAHS}
    facts = {"name": surah_name(surah, get_language() or "en"), "count": verses.lengths()[surah]}
    return _("There is no such verse: %(name)s has %(count)s verses.") % facts


def _difference(one: Document) -> str:
    facts = {"found": one["found"], "expected": one["expected"]}
    if one["found"] and one["expected"]:
        return _("it says “%(found)s” where the Qur'an says “%(expected)s”") % facts
    if one["found"]:
        return _("“%(found)s” does not stand there") % facts
    return _("“%(expected)s” is missing") % facts


def joined(words: Sequence[OwnWord]) -> str:
    """Return the words in a line, with the numbers of the verses that end between them."""
    parts = [f"{word.text} {word.sign}" if word.sign else word.text for word in words[:-1]]
    return " ".join([*parts, *(word.text for word in words[-1:])])


def _own_words(written: str, place: Document) -> list[OwnWord]:
    source = index()
    found = list(runs(written, source))
    if len(found) != 1:
        return []
    # As the checker does: a word that can be read in two ways is.
    for run in (found[0], read_otherwise(found[0], source)):
        for begin in range(*_span(place)):
            if exact_length(run, 0, begin, source) == len(run):
                return list(_as_written(run, begin, source))
    return []


def _as_written(run: Run, begin: int, source: Index) -> Iterator[OwnWord]:
    """Yield the words from `begin` on in Uthmani script, each in the place of the words of the run."""
    at = 0
    while at < len(run):
        last = at + 1
        while last < len(run) and begin + last in source.inside:  # written in one with the word before
            last += 1
        number = begin + last - 1
        sign = number_sign(source.places[source.verse_of(number)][1]) if source.ends_verse(number) else ""
        (text,) = uthmani_words(number, number + 1, source)
        yield OwnWord(run.starts[at], run.ends[last - 1], text, sign)
        at = last


def _span(place: Document) -> tuple[int, int]:
    source = index()
    first = source.places.index((place["surah"], place["from"]))
    last = source.places.index((place["surah"], place["to"]))
    return source.span(first)[0], source.span(last)[1]
