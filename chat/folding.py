"""One way to fold text for searching, whatever the database: what is indexed and what is asked for meet here.

Case, accents, vowel signs and tatweel don't count; alef with or without hamza is alef, every ya is one ya, every kaf
one kaf, ta marbuta is ha, digits are digits. A word with the Arabic article is found with it and without it.
"""

from __future__ import annotations

import re
import sys
import unicodedata

# Longer words are no words; both indexes have their limits.
LONGEST_WORD = 64
# What comes after this many characters of a message is not searched.
LONGEST_TEXT = 100_000

_SAME = {
    "ٱ": "ا",
    "ىیېۍےئ": "ي",
    "کڪګ": "ك",
    "ةەہھۃۀۂ": "ه",
    "ں": "ن",
    "ؤۆۇ": "و",
    "ı": "i",
    "ø": "o",
    "ł": "l",
    "đ": "d",
}
_SILENT = "ـء\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_TABLE: dict[int, str | None] = {
    **{code: None for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Mn"},
    **dict.fromkeys(map(ord, _SILENT)),
    **{ord(each): one for many, one in _SAME.items() for each in many},
    **{code: str(value) for first in (0x660, 0x6F0) for value, code in enumerate(range(first, first + 10))},
}
_WORD = re.compile(r"[^\W_]+")
_ARTICLE = re.compile(r"(?:[وفبك]?ال|لل)(?=[\u0621-\u064a]{3})")


def fold(text: str) -> str:
    """Return the text with everything gone that does not count; words stay where they are."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKD", text.casefold()).translate(_TABLE)


def words(text: str) -> list[str]:
    """Return the words of a text as they are looked for, in their order."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(fold(text))]


def without_article(word: str) -> str:
    """Return a folded word without the Arabic article, where it has one and is long enough to do without."""
    return _ARTICLE.sub("", word, count=1) if _ARTICLE.match(word) else word


def index_text(text: str) -> str:
    """Return what is indexed of a text: each of its words once, with and without its article, parted by spaces."""
    found = dict.fromkeys(words(text[:LONGEST_TEXT]))
    found.update(dict.fromkeys([without_article(word) for word in found]))
    return " ".join(found)
