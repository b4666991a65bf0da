"""Where a text presents words as the Qur'an's: brackets made for it, quotation marks, and what is said before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Ornate brackets are made for verses; the others are used for them as well as for anything else.
_ORNATE = re.compile(r"[﴿﴾]([^﴿﴾]{1,4000})[﴿﴾]")
_QUOTED = re.compile(
    r"«([^«»]{1,4000})»|“([^“”]{1,4000})”|\"([^\"\n]{1,4000})\"|\{([^{}]{1,4000})\}|‹([^‹›]{1,4000})›"
)
_SPEECH = (
    r"(?:قال|يقول|قوله|قول|لقوله|كقوله|وقوله|بقوله)\s+(?:الله\s+|ربنا\s+|المولى\s+)?(?:تعالى|عز\s+وجل|سبحانه(?:\s+وتعالى)?|جل\s+وعلا|جل\s+جلاله)",
    r"(?:قال|يقول)\s+(?:الله|ربنا|الحق)",
    r"(?:قال|يقول|جاء|ورد)\s+(?:في\s+)?(?:القرآن|القران|التنزيل|كتاب الله|الكتاب العزيز|محكم التنزيل)(?:\s+الكريم)?",
    r"(?:خداوند|خدا|الله|قرآن)(?:\s+(?:متعال|تعالی|کریم|مجید))?(?:\s+در\s+قرآن(?:\s+کریم)?)?\s+"
    r"(?:می[\u200c ]?فرماید|فرموده(?:\s+است)?|فرمود)",
    r"(?:اللہ|الله|قرآن)(?:\s+(?:تعالیٰ|تعالی|پاک|مجید|کریم))?(?:\s+نے|\s+میں)?\s+(?:فرماتا|فرماتے|فرمایا|کا\s+ارشاد)",
    r"ارشاد\s+(?:باری|ربانی|الٰہی)(?:\s+تعالیٰ|\s+تعالی)?",
    r"\b(?:Allah|God|He|the\s+Almighty|the\s+Qur['’ʾ]?an|the\s+Koran)\b[^.:\n]{0,60}\b(?:says|said|states|stated|reads|tells|revealed|commands)\b",
    r"\b(?:Allah|Tanrı|Rabbimiz|Kur['’]?an)\b[^.:\n]{0,60}\b(?:buyur\w*|der|demiştir|diyor)\b",
    r"\b(?:Allah|Tuhan|Al-?Qur['’]?an)\b[^.:\n]{0,60}\b(?:berfirman|firman|menyatakan)\b",
    r"\b(?:Allah|Dieu|Coran)\b[^.:\n]{0,60}\b(?:dit|déclare|affirme|a\s+dit)\b",
    r"\b(?:verse|ayah|ayat|verset|ayet)\b|(?:الآية|آية|آیه|آیت)(?:\s+الكريمة)?",
)
_INTRODUCED = re.compile(rf"(?:{'|'.join(_SPEECH)})[^\n﴿«“\"{{]{{0,60}}$", re.IGNORECASE)
# One of these is in whatever the pattern above finds; to look for them takes a tenth of the time.
_STEMS = (
    *("قال", "قول", "جاء", "ورد", "فرم", "ارشاد", "آي", "آی"),
    *("say", "said", "state", "read", "tell", "reveal", "command", "verse", "aya", "ayet"),
    *("buyur", "der", "demi", "diyor", "firman", "menyatakan", "dit", "déclare", "affirme"),
)
_HADITH = re.compile(
    r"(?:رسول\s+الله|النبي|الحديث|حديث|حدیث|پیامبر|رسول|نبی|Prophet|Messenger|hadith|Peygamber|hadis|Nabi|Rasul|prophète)",
    re.IGNORECASE,
)
_LOOKS_BACK = 140


@dataclass(frozen=True, slots=True)
class Claim:
    """The text from `start` to `end` (code points) stands in brackets or quotation marks.

    `is_certain`: it is presented as Qur'an; else it is only quoted, and a reference beside it would make it one.
    """

    start: int
    end: int
    is_certain: bool


def claims(text: str) -> Iterator[Claim]:
    """Yield what stands in brackets or quotation marks, outer ones first."""
    for found in _ORNATE.finditer(text):
        yield Claim(found.start(1), found.end(1), is_certain=True)
    for found in _QUOTED.finditer(text):
        group = found.lastindex or 0
        yield Claim(found.start(group), found.end(group), is_certain=is_introduced(text, found.start()))


def is_introduced(text: str, at: int) -> bool:
    """Tell whether the words before that place announce a verse, as `Allah says` does, and not the Prophet's words."""
    before = text[max(0, at - _LOOKS_BACK) : at]
    lowered = before.lower()
    if not any(stem in lowered for stem in _STEMS):
        return False
    said = _INTRODUCED.search(before)
    return (
        said is not None
        and _HADITH.search(before[said.start() :]) is None
        and not _is_prophets(before, said.start())
    )


def _is_prophets(before: str, at: int) -> bool:
    sentence = re.split(r"[.\n!؟?]", before[:at])[-1]
    return _HADITH.search(sentence) is not None
