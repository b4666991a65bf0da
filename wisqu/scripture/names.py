"""The names of the chapters in the seven languages, and which chapter a name means, however it is spelled."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from wisqu.scripture.letters import fold
from wisqu.scripture.verses import DATA

# Columns of `data/surahs.txt`. Persian and Urdu write the Arabic names in their own letters.
_COLUMNS = ("ar", "en", "tr", "id", "fr")
LANGUAGES = ("en", "ar", "fa", "ur", "tr", "id", "fr")
_PERSIAN = str.maketrans({"ة": "ه", "ي": "ی", "ك": "ک", "ى": "ی", "أ": "ا", "إ": "ا"})
_URDU = str.maketrans({"ة": "ۃ", "ي": "ی", "ك": "ک", "ى": "یٰ", "ه": "ہ"})

# Second names, and spellings that no rule makes of the first ones.
_ALSO = {
    "fatiha": 1, "ali imran": 3, "al imran": 3, "aali imran": 3, "family of imran": 3,
    "maida": 5, "baraah": 9, "baraa": 9, "bani israil": 17, "subhan": 17, "mumin": 40, "hamim sajdah": 41,
    "qital": 47, "dahr": 76, "insyirah": 94, "inshirah": 94, "alam nashrah": 94, "iqra": 96, "zilzal": 99,
    "lahab": 111, "tabbat": 111, "tabarak": 67, "tawhid": 112, "yaseen": 36, "yasin": 36, "taha": 20, "noor": 24,
    "toor": 52, "yunus": 10, "jonah": 10, "joseph": 12, "abraham": 14, "mary": 19, "muzammil": 73, "muddathir": 74,
    "asr": 103,
    "بني اسراييل": 17, "بني اسراءيل": 17, "براءه": 9, "مومن": 40, "دهر": 76, "انشراح": 94, "لهب": 111, "تبت": 111,
    "زلزال": 99, "توحيد": 112, "ياسين": 36, "حم سجده": 41, "تبارك": 67, "اسراء": 17,
}  # fmt: skip
_ARTICLES = re.compile(r"^(?:al|an|ar|as|ash|asy|at|ath|az|ad|adh|adz|el|en|er|es|et|ez|ed)[ '’-]+")
_NOT_LETTERS = re.compile(r"[^a-z ]")
_DOUBLED = re.compile(r"(.)\1+")
# Transcriptions differ in these.
_SAME_SOUND = (
    ("ou", "u"),
    ("oo", "u"),
    ("ee", "i"),
    ("ts", "th"),
    ("sy", "sh"),
    ("dz", "dh"),
    ("aw", "au"),
    ("ay", "ai"),
)


def _plain(name: str) -> str:
    """Return a Latin name without article, accents, apostrophes and doubled letters."""
    name = unicodedata.normalize("NFKD", name.replace("İ", "i").replace("ı", "i")).lower()
    name = "".join(sign for sign in name if not unicodedata.combining(sign))
    name = _ARTICLES.sub("", name.strip())
    name = _NOT_LETTERS.sub("", name.replace("-", " "))
    for one, other in _SAME_SOUND:
        name = name.replace(one, other)
    name = _DOUBLED.sub(r"\1", name.replace(" ", ""))
    return name.removesuffix("h")


def _plain_arabic(name: str) -> str:
    folded = "".join(fold(part) for part in name.split())
    return folded.removeprefix("ال") if len(folded) >= 4 else folded


@cache
def _rows() -> tuple[dict[str, str], ...]:
    lines = (DATA / "surahs.txt").read_text(encoding="utf-8").splitlines()
    return tuple(dict(zip(_COLUMNS, line.split("|"), strict=True)) for line in lines)


def surah_name(surah: int, language: str = "en") -> str:
    """Return the chapter's name (1 to 114) in one of the seven languages; English for any other."""
    row = _rows()[surah - 1]
    if language == "fa":
        return row["ar"].removeprefix("ال").translate(_PERSIAN)
    if language == "ur":
        return row["ar"].translate(_URDU)
    return row.get(language, row["en"])


@cache
def _numbers() -> dict[str, int]:
    found: dict[str, int] = {}
    for name, number in _ALSO.items():
        found[_plain_arabic(name) if name[0] > "z" else _plain(name)] = number
    for number, row in enumerate(_rows(), start=1):
        found[_plain_arabic(row["ar"])] = number
        for language in _COLUMNS[1:]:
            found.setdefault(_plain(row[language]), number)
    return found


@lru_cache(maxsize=4096)
def surah_number(name: str) -> int | None:
    """Return the number of the chapter of that name, in Arabic script or in Latin letters; None for no chapter."""
    key = _plain_arabic(name) if any("\u0600" <= sign <= "\u06ff" for sign in name) else _plain(name)
    return _numbers().get(key) if key else None
