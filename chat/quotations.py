"""The doors to the Qur'an's text: checking what a text quotes, and verses by their number. No model takes part."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from quran import translations
from wisqu.api.problems import NotFound
from wisqu.api.shapes import StrictShape
from wisqu.api.threads import in_thread
from wisqu.scripture import verses
from wisqu.scripture.checker import Report, check
from wisqu.scripture.names import LANGUAGES, surah_name
from wisqu.scripture.references import Reference
from wisqu.scripture.verdicts import Place, Quotation

router = Router(tags=["quotations"])

LONGEST_TEXT = 50_000  # characters; many times the longest answer


class Question(StrictShape):
    """A text to check."""

    model_config = ConfigDict(strict=True)
    text: str = Field(max_length=LONGEST_TEXT)


class VersePlace(Schema):
    """Verses `from` to `to` of a chapter."""

    surah: int
    from_: int = Field(alias="from")
    to: int


class WordDifference(Schema):
    """What the text says at these code points, and what the Qur'an says there."""

    start: int
    end: int
    found: str
    expected: str


class VerseReference(Schema):
    """A reference in the text. `impossible`: there is no such verse; `mismatch`: other words are quoted beside it."""

    start: int
    end: int
    text: str
    surah: int
    from_: int = Field(alias="from")
    to: int
    state: Literal["real", "impossible", "mismatch"]


class CheckedQuotation(Schema):
    """Something that the text quotes. Offsets count code points of the text that was sent.

    `genuine`: the Qur'an's words; `cut`: its words, but a negation, condition or exception beside them is missing;
    `altered`: close to a verse; `unknown`: presented as the Qur'an's and close to nothing in it.
    """

    start: int
    end: int
    text: str
    verdict: Literal["genuine", "cut", "altered", "unknown"]
    places: list[VersePlace]
    differences: list[WordDifference]
    reference: VerseReference | None


class CheckedText(Schema):
    """All quotations and references of a text."""

    quotations: list[CheckedQuotation]
    references: list[VerseReference]


class Verse(Schema):
    """A verse in Uthmani script, as Tanzil publishes it; `page` is that of the Madinah print."""

    surah: int
    ayah: int
    text: str
    juz: int
    page: int


class TranslatedVerse(Schema):
    """A verse as a translator understands it."""

    ayah: int
    text: str


class VerseTranslation(Schema):
    """A translation that the operator has imported. Translator and licence are to be shown with it."""

    slug: str
    name: str
    translator: str
    language: str
    licence: str
    licence_url: str
    source_url: str
    verses: list[TranslatedVerse]


class Verses(Schema):
    """Verses of one chapter, with the translations that there are."""

    surah: int
    name: dict[str, str]
    from_: int = Field(alias="from")
    to: int
    ayahs_in_surah: int
    verses: list[Verse]
    translations: list[VerseTranslation]
    source: str
    source_url: str


@router.post(
    "/quotations/check", response=CheckedText, by_alias=True, summary="Check quotations of the Qur'an"
)
async def check_quotations(request: HttpRequest, question: Question) -> dict[str, Any]:
    """Find what the text quotes from the Qur'an, or presents as such, and judge it. Counts against no quota."""
    return document(await asyncio.to_thread(check, question.text))


Language = Annotated[str, Query(max_length=16, description="Only translations into this language.")]


@router.get("/quran/{int:surah}/{int:ayah}", response=Verses, by_alias=True, summary="A verse")
async def one_verse(request: HttpRequest, surah: int, ayah: int, language: Language = "") -> dict[str, Any]:
    """Return a verse. 404 for one that there is not."""
    return await in_thread(some_verses, surah, ayah, ayah, language=language)


@router.get(
    "/quran/{int:surah}/{int:first}-{int:last}", response=Verses, by_alias=True, summary="Verses in a row"
)
async def verses_in_a_row(
    request: HttpRequest, surah: int, first: int, last: int, language: Language = ""
) -> dict[str, Any]:
    """Return verses `first` to `last` of a chapter. 404 where one of them is missing."""
    return await in_thread(some_verses, surah, first, last, language=language)


def some_verses(surah: int, first: int, last: int, *, language: str = "") -> dict[str, Any]:
    """Return the document of some verses, with their translations: all, or those into one language.

    Raises NotFound.
    """
    if first > last or not (verses.exists(surah, first) and verses.exists(surah, last)):
        raise NotFound(detail="There is no such verse in the Qur'an.")
    return {
        "surah": surah,
        "name": {each: surah_name(surah, each) for each in LANGUAGES},
        "from": first,
        "to": last,
        "ayahs_in_surah": verses.lengths()[surah],
        "verses": [_verse(surah, ayah) for ayah in range(first, last + 1)],
        "translations": [
            _translation(each) for each in translations.of_verses(surah, first, last, language=language)
        ],
        "source": verses.VERSION,
        "source_url": verses.SOURCE,
    }


def _verse(surah: int, ayah: int) -> dict[str, Any]:
    return {
        "surah": surah,
        "ayah": ayah,
        "text": verses.verse(surah, ayah),
        "juz": verses.juz(surah, ayah),
        "page": verses.page(surah, ayah),
    }


def _translation(shown: translations.Shown) -> dict[str, Any]:
    texts = [{"ayah": ayah, "text": text} for ayah, text in shown.texts]
    facts = {name: getattr(shown, name) for name in translations.Facts.__dataclass_fields__}
    return {**facts, "verses": texts}


def document(report: Report) -> dict[str, Any]:
    """Return what was found as the API and the page tell it."""
    return {
        "quotations": [_quotation(each) for each in report.quotations],
        "references": [_reference(each) for each in report.references],
    }


def _quotation(one: Quotation) -> dict[str, Any]:
    return {
        "start": one.start,
        "end": one.end,
        "text": one.text,
        "verdict": one.verdict,
        "places": [_place(each) for each in one.places],
        "differences": [
            {"start": each.start, "end": each.end, "found": each.found, "expected": each.expected}
            for each in one.differences
        ],
        "reference": _reference(one.reference) if one.reference else None,
    }


def _place(place: Place) -> dict[str, int]:
    return {"surah": place.surah, "from": place.first, "to": place.last}


def _reference(one: Reference) -> dict[str, Any]:
    return {
        "start": one.start,
        "end": one.end,
        "text": one.text,
        "surah": one.surah,
        "from": one.first,
        "to": one.last,
        "state": one.state,
    }
