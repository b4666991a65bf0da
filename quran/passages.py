"""Which verses a text names that says nothing else: `2:255`, `Surah al-Asr`, `آية الكرسي`, in the seven languages."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from wisqu.scripture import verses
from wisqu.scripture.letters import fold
from wisqu.scripture.names import surah_number
from wisqu.scripture.references import references

_LONGEST = 80
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_BARE = re.compile(r"\d{1,3}\s*:\s*\d{1,3}(?:\s*[-–—]\s*\d{1,3})?")
_AROUND = " \t\n.,;!?؟،؛\"'«»“”()[]﴿﴾"
_CHAPTER = re.compile(
    r"(?:s[uû]ra[th]?|surat|s[uû]re|sourate|chapter|سورة|سوره|سورۃ|سورہ)\s+(?P<name>\S.{0,40})"
    r"|(?P<before>\S.{0,40}?)\s+s[uû]resi",
    re.IGNORECASE,
)
ARABIC = re.compile("[\u0620-\u06d3]")
# Verses that people know by a name, as it is written in the seven languages.
_KNOWN = {
    (2, 255, 255): (
        "آية الكرسي", "آیت الکرسی", "آیة الکرسی", "آیه الکرسی", "آیۃ الکرسی", "ayat al-kursi", "ayat ul kursi",
        "ayatul kursi", "ayatul kursiy", "ayat kursi", "ayatulkursi", "ayet-el kürsi", "ayetel kürsi", "ayetel kursi",
        "ayat al kursiy", "ayat alkursi", "throne verse", "the throne verse", "verse of the throne", "verset du trône",
        "le verset du trône", "kürsi ayeti", "ayat kursy",
    ),
    (24, 35, 35): (
        "آية النور", "آیه نور", "آیۂ نور", "آیت نور", "ayat an-nur", "ayat al-nur", "the light verse", "light verse",
        "verse of light", "nur ayeti", "nûr ayeti", "ayat nur", "verset de la lumière", "le verset de la lumière",
    ),
    (2, 282, 282): ("آية الدين", "ayat ad-dayn", "ayat al-dayn", "verse of debt", "müdayene ayeti"),
    (2, 285, 286): ("آمن الرسول", "amana ar-rasul", "amanar rasul", "amanarrasulu", "amenerrasulü", "amenerresulü"),
}  # fmt: skip


class Passage(NamedTuple):
    """Verses `first` to `last` of a chapter; there may be no such verses."""

    surah: int
    first: int
    last: int

    @property
    def exists(self) -> bool:
        """Whether there are such verses."""
        return (
            self.first <= self.last
            and verses.exists(self.surah, self.first)
            and verses.exists(self.surah, self.last)
        )


def passage_of(question: str) -> Passage | None:
    """Return the verses that the question names, if it says nothing else."""
    text = question.strip(_AROUND)
    if not text or len(question) > _LONGEST:
        return None
    return _by_known_name(text) or _by_reference(text) or _by_chapter(text)


def _by_known_name(text: str) -> Passage | None:
    return _known_names().get(_plain(text))


@cache
def _known_names() -> dict[str, Passage]:
    return {_plain(name): Passage(*place) for place, names in _KNOWN.items() for name in names}


def _plain(name: str) -> str:
    """Return a name as all its spellings have it."""
    if ARABIC.search(name):
        return "".join(fold(word) for word in name.replace("\u200c", " ").split())
    decomposed = unicodedata.normalize("NFKD", name.replace("ı", "i")).casefold()
    return "".join(sign for sign in decomposed if sign.isalnum())


def _by_reference(text: str) -> Passage | None:
    plain = text.translate(_DIGITS)
    found = references(f"({plain})") if _BARE.fullmatch(plain) else references(text)
    if len(found) != 1:
        return None
    one = found[0]
    is_all = _BARE.fullmatch(plain) or not (text[: one.start] + text[one.end :]).strip(_AROUND)
    return Passage(one.surah, one.first, one.last) if is_all else None


def _by_chapter(text: str) -> Passage | None:
    found = _CHAPTER.fullmatch(text)
    if found is None:
        return None
    name = (found["name"] or found["before"]).strip(_AROUND).translate(_DIGITS)
    surah = int(name) if name.isdecimal() and len(name) < 4 else surah_number(name)
    if surah is None or not 1 <= surah <= verses.SURAHS:
        return None
    return Passage(surah, 1, verses.lengths()[surah])


def arabic(passage: Passage) -> str:
    """Return the verses in one line, each with its number behind it."""
    numbers = range(passage.first, passage.last + 1)
    return " ".join(f"{verses.verse(passage.surah, ayah)} {number_sign(ayah)}" for ayah in numbers)


def number_sign(ayah: int) -> str:
    """Return the number of a verse as it stands behind it."""
    return f"\ufd3f{arabic_number(ayah)}\ufd3e"


def arabic_number(number: int) -> str:
    """Return a number in the figures of the Arabic text."""
    return str(number).translate(_ARABIC_DIGITS)
