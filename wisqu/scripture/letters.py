"""Arabic letters, however they are typed: what two spellings of a word have in common.

`fold` brings a word to bare letters: no vowels, no tatweel, one alef, one ya, one kaf. Uthmani spelling writes many a
long `a` as a small alef above the line, so there are two foldings of it: without that alef, and with it as a letter.
`skeleton` keeps so little that every spelling of a word has the same one; it finds candidates, it never decides.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

SMALL_ALEF = "\u0670"

# Letters, vowels, small signs and joiners that a word may hold; digits and punctuation are not among them.
_IN_WORD = (
    "\u0610-\u061a\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06df-\u06e8\u06ea-\u06ef\u06fa-\u06ff"
    "\u0750-\u077f\u08a0-\u08ff"
)
_FORMS = "\ufb50-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdf9\ufe70-\ufefc"
_JOINERS = "\u200c\u200d"
# A text that is split by it becomes what stands between the words and, since they are a group, the words.
WORD = re.compile(f"([{_IN_WORD}{_FORMS}][{_IN_WORD}{_FORMS}{_JOINERS}]*)")

_SAME = {
    "ا": "أإآٱٲٳٵ",
    "و": "ؤٶٷۄۅۆۇۈۉۊۋۏ",
    "ي": "ىئیېےۓٸۍێۑ",
    "ك": "کڪګڬڭڮ",
    "ه": "ةہھۀۂۃەۿ",
    "ت": "ٺ",
    "ن": "ں",
}
HAMZA = "\u0621"
# Beyond vowels: tatweel and the small letters of Uthmani script.
_DROPPED = [
    *(0x0640, 0x0670, 0x0674, 0x200C, 0x200D),
    *range(0x0610, 0x061B),
    *range(0x064B, 0x0660),
    *range(0x06D6, 0x06DD),
    *range(0x06DF, 0x06E9),
    *range(0x06EA, 0x06EE),
    *range(0x08CA, 0x0900),
]


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = dict.fromkeys(_DROPPED)
    for letter, variants in _SAME.items():
        table |= {ord(variant): letter for variant in variants}
    # Ligatures and positional forms, as copied out of PDF files.
    for code in [*range(0xFB50, 0xFDFA), *range(0xFE70, 0xFEFD)]:
        plain = unicodedata.normalize("NFKC", chr(code))
        if plain != chr(code):
            table[code] = plain.translate(table)
    return table


_BARE = _table()
_FULL = _BARE | {ord(SMALL_ALEF): "ا"}
_LONG = "اوي"


@lru_cache(maxsize=4096)
def fold(word: str) -> str:
    """Return the bare letters of a word, its small alefs dropped."""
    return fold_all([word])[0]


def fold_full(word: str) -> str:
    """Return the bare letters of a word, its small alefs as letters."""
    return fold_all_full([word])[0]


def fold_text(text: str) -> str:
    """Return a whole text with its Arabic letters brought to one shape each, for finding words in it."""
    return text.translate(_BARE)


def fold_all(words: Sequence[str]) -> list[str]:
    """Return the bare letters of many words: all at once takes a fraction of the time."""
    return _without_hamza(_translated("\n".join(words), _BARE_BYTES, _BARE)).split("\n")


def fold_all_full(words: Sequence[str]) -> list[str]:
    """Return the bare letters of many words, their small alefs as letters."""
    return _without_hamza(_translated("\n".join(words), _FULL_BYTES, _FULL)).split("\n")


# `str.translate` asks a dictionary for each character. Nearly all texts have no more than 256 different ones, and as
# bytes they are translated ten times as fast.
_ALPHABET = "\0\n\u200c\u200d" + "".join(map(chr, range(0x0610, 0x0700)))
_ENCODING = codecs.charmap_build(_ALPHABET.ljust(256, "\ufffe"))


def _in_bytes(table: dict[int, str | None]) -> tuple[bytes, bytes]:
    """Return what `bytes.translate` takes for a table of characters."""
    changed = (table.get(ord(sign), sign) or "\0" for sign in _ALPHABET)
    codes = bytes(_ALPHABET.index(sign) for sign in changed)
    dropped = bytes(code for code, sign in enumerate(_ALPHABET) if table.get(ord(sign), sign) is None)
    return codes.ljust(256, b"\0"), dropped


_BARE_BYTES, _FULL_BYTES = _in_bytes(_BARE), _in_bytes(_FULL)


def _translated(text: str, table: tuple[bytes, bytes], slow: dict[int, str | None]) -> str:
    try:
        raw: bytes = codecs.charmap_encode(text, "strict", _ENCODING)[0]
    except UnicodeEncodeError:
        return text.translate(slow)
    return codecs.charmap_decode(raw.translate(*table), "strict", _ALPHABET)[0]


def _without_hamza(lines: str) -> str:
    """Drop the lone hamza, which spellings put in different places; at the beginning it stands for an alef."""
    if HAMZA not in lines:
        return lines
    return f"\n{lines}".replace(f"\n{HAMZA}", "\nا").replace(HAMZA, "")[1:]


def skeleton(folded: str) -> str:
    """Return what all spellings of a folded word share: no long vowels, no doubled letters."""
    return skeletons([folded])[0]


def skeletons(folded: Sequence[str]) -> list[str]:
    """Return the skeletons of many folded words."""
    lines = "\n".join(folded)
    for letter in _LONG:
        lines = lines.replace(letter, "")
    for letter in set(lines) - {"\n"}:  # a regular expression takes three times as long
        while letter * 2 in lines:
            lines = lines.replace(letter * 2, letter)
    return [short or word[:1] for short, word in zip(lines.split("\n"), folded, strict=True)]
