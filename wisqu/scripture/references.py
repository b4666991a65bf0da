"""References to verses in every usual form, in seven languages: `Quran 2:255`, `Al-Baqarah 255`, `البقرة: ٢٥٥`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from wisqu.scripture.names import surah_number
from wisqu.scripture.verses import exists

State = Literal["real", "impossible", "mismatch"]

_N = r"([0-9٠-٩۰-۹]{1,4})"
_DASH = r"\s*(?:[-–—‑]|to|bis|ile|sampai|à|إلى|الى|تا|سے)\s*"
_RANGE = rf"{_N}(?:{_DASH}{_N})?"
_BOOK = (
    r"(?:(?:the\s+)?(?:holy\s+|noble\s+|glorious\s+)?(?:al-?\s?)?(?:Qur['’ʾʼ]?[aâā]n|Koran|Kur['’]?[aâ]n(?:-ı\s+Kerim)?|Coran)(?:\s+karim)?"
    r"|QS\.?|Q\.\s?S\.?|Q\.?|القرآن(?:\s+الكريم)?|القران(?:\s+الكريم)?|قرآن(?:\s+(?:کریم|مجید|پاک|كريم))?)"
)
_SURAH = r"(?:s[uû]ra[th]?|s[uû]re(?:si|sinin)?|sourate|chapter|سورة|سوره|سورۃ|سورہ)"
_VERSE = (
    r"(?:verses?|ayah?s?|ayats?|aayat|ayet(?:ler)?(?:i|inde)?|versets?|v{1,2}(?:\.|(?=\s))"
    r"|الآيات|الآية|آيات|آية|الاية|اية|آیات|آیه|آیت|آیۃ)"
)
_LATIN_NAME = r"([A-ZÂÇÉÈĞÎÖŞÛÜİ'‘’][\w'’‘ʿʾ]*(?:[- ](?:i[ -])?[^\W\d_][\w'’‘ʿʾ]*){0,2}?)"
_LETTERS = "[\u0621-\u064a\u066e-\u06d3][\u0621-\u065f\u066e-\u06d3]{0,30}"
_ARABIC_NAME = rf"({_LETTERS}(?:[ \u200c]{_LETTERS})??)"
# Names may be followed by the chapter's number, and in Turkish by the word for chapter.
_AFTER_NAME = r"(?:\s+[Ss][uû]resi(?:nin|nde)?)?(?:\s*[\[(]\s*[0-9٠-٩۰-۹]{1,3}\s*[\])])?"
_COLON = r"\s*[:：.،/]\s*"
# What may follow a name: without it a word would be tried at each of its letters.
_LATIN_END, _ARABIC_END = r"(?=[\s\[(,:vaVAآا])", r"(?=[\s\[(،,﴾:：/آاva])"

_NUMBERS = re.compile(
    # Q 2:255, Qur'an 2:255-257, القرآن ٢:٢٥٥
    rf"(?<!\w){_BOOK}[\s,(\[]*(?:{_SURAH}\s*)?{_N}{_COLON}{_RANGE}(?!\d)"
    # surah 2 verse 255, sourate 2, verset 255
    rf"|(?<!\w){_SURAH}\s*(?:no\.?\s*)?{_N}[\s,،:.(]*(?:{_VERSE}\s*[:.]?\s*){_RANGE}(?!\d)"
    rf"|(?<!\w){_SURAH}\s*{_N}\s*:\s*{_RANGE}(?!\d)"
    # (2:255), [2:255-257]
    rf"|[(\[﴿]\s*{_N}\s*:\s*{_RANGE}\s*[)\]﴾]"
    # verse 2:255
    rf"|(?<!\w){_VERSE}\s*{_N}\s*:\s*{_RANGE}(?!\d)",
    re.IGNORECASE,
)
_LATIN = re.compile(
    rf"(?<!\w)(?:(?P<word>(?i:{_SURAH}))\s+)?{_LATIN_NAME}{_LATIN_END}(?P<mid>{_AFTER_NAME})"
    rf"(?:(?P<said>[\s,(]*(?i:{_VERSE})\s*[:.]?\s*)|(?P<colon>\s*[:,(\[]\s*)|\s+)(?:(?P<chapter>\d{{1,3}})\s*:\s*)?{_RANGE}(?![\d\w])"
)
_ARABIC = re.compile(
    rf"(?<!\w)(?:(?P<word>{_SURAH})\s+)?{_ARABIC_NAME}{_ARABIC_END}(?P<mid>{_AFTER_NAME})"
    rf"(?:(?P<said>[\s،,(﴾]*(?:{_VERSE})\s*(?:رقم\s*)?[:.]?\s*[(﴿]?)|(?P<colon>\s*[:：،,/(\[]\s*)|\s+)(?:(?P<chapter>[0-9٠-٩۰-۹]{{1,3}})\s*:\s*)?{_RANGE}(?!\d)"
)
_DIGITS_IN_A_ROW = re.compile(r"[0-9٠-٩۰-۹]+")
_START = re.compile(r"\b[^\W\d_]|[(\[﴿]")
# What belongs to a reference stands no further before its first number.
_BEFORE_NUMBER, _WORDS_BEFORE_NUMBER = 90, 7
_SHORT_OF_IT = 45  # where so many words mostly are
# With what the words and signs of references by numbers alone begin: a letter or sign, two letters in small ones.
_BEFORE_NUMBERS = frozenset("qQvV([﴿")
_SURAH_BEGINNINGS = frozenset({"su", "sû", "so", "ch"})
_BEGINNINGS = _SURAH_BEGINNINGS | {"th", "ho", "no", "gl", "al", "qu", "ko", "ku", "co", "ve", "aa", "ay"}
_ARABIC_BEFORE_NUMBERS = ("القر", "الآي", "الاي", "اية", "آي", "آی", "قرآن", "سور")
_SPACE = re.compile("[ \u200c]")
_IS_SURAH = re.compile(_SURAH, re.IGNORECASE)
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
# Names that are everyday words or names of people: with a bare number behind they say nothing of a chapter.
_EVERYDAY = frozenset({10, 11, 12, 14, 19, 22, 31, 47, 50, 38, 71, 97, 54, 89, 91, 92, 72, 106, 110})


@dataclass(frozen=True, slots=True)
class Reference:
    """Verses that the text from `start` to `end` names. `state` says whether there are such verses."""

    start: int
    end: int
    text: str
    surah: int
    first: int
    last: int
    state: State


def references(text: str) -> list[Reference]:
    """Return the references in the text, in its order, each place once."""
    found: list[Reference] = []
    for start in _starts(text):
        if not found or start >= found[-1].end:
            one = _at(text, start)
            if one is not None:
                found.append(one)
    return found


def _starts(text: str) -> Iterator[int]:
    """Yield where a reference may begin: at the last words and brackets before each number."""
    last = -1
    for number in _DIGITS_IN_A_ROW.finditer(text):
        end = number.start()
        begin = max(last + 1, end - _BEFORE_NUMBER)
        starts = _beginnings(text, max(begin, end - _SHORT_OF_IT), end)
        if len(starts) < _WORDS_BEFORE_NUMBER and begin < end - _SHORT_OF_IT:
            starts = _beginnings(text, begin, end)
        for start in starts[-_WORDS_BEFORE_NUMBER:]:
            yield start
            last = start


def _beginnings(text: str, begin: int, end: int) -> list[int]:
    return [found.start() for found in _START.finditer(text, begin, end)]


def _at(text: str, start: int) -> Reference | None:
    """Return the reference that begins there."""
    first = text[start]
    is_arabic = first > "\u0600"
    two = "" if is_arabic else text[start : start + 2].lower()
    may_be_numbers = text.startswith(_ARABIC_BEFORE_NUMBERS, start) if is_arabic else two in _BEGINNINGS
    if (may_be_numbers or first in _BEFORE_NUMBERS) and (match := _NUMBERS.match(text, start)):
        surah, begin, *end = [group for group in match.groups() if group]
        return _reference(match.start(), match.end(), text, _number(surah), begin, end[0] if end else begin)
    if not is_arabic and first.islower() and two not in _SURAH_BEGINNINGS:
        return None  # a name has a capital, but for the word before it
    pattern = _ARABIC if is_arabic else _LATIN
    match = pattern.match(text, start)
    return _named(match, text, pattern) if match is not None else None


def _named(match: re.Match[str], text: str, pattern: re.Pattern[str]) -> Reference | None:
    """Return the reference when some ending of the words before the number names a chapter."""
    name_group = pattern.groupindex["word"] + 1
    name, start = match[name_group], match.start(name_group)
    surah = _surah(name)
    while surah is None and (space := _SPACE.search(name)):
        name, start = name[space.end() :], start + space.end()
        surah = _surah(name)
    if surah is None:
        return None
    is_announced = bool(match["word"] and start == match.start(name_group)) or bool(
        match["said"] or match["colon"] or match["mid"]
    )
    if not is_announced and surah in _EVERYDAY:
        return None
    groups = match.groups()
    first, last = groups[-2], groups[-1]
    begin = match.start() if match["word"] and start == match.start(name_group) else start
    found = _reference(begin, match.end(), text, surah, first, last or first)
    numbers = {_number(each) for each in (match["chapter"], *_DIGITS_IN_A_ROW.findall(match["mid"])) if each}
    # `Al-Baqarah [3]: 7` names two chapters at once.
    return found if numbers <= {surah} else replace(found, state="impossible")


def _surah(name: str) -> int | None:
    """Return the chapter of that name. The word for chapter is no name, though it sounds like that of the 42nd."""
    return None if _IS_SURAH.fullmatch(name) else surah_number(name)


def _reference(start: int, end: int, text: str, surah: int, first: str, last: str) -> Reference:
    begin, stop = _number(first), _number(last)
    is_real = begin <= stop and exists(surah, begin) and exists(surah, stop)
    return Reference(start, end, text[start:end], surah, begin, stop, "real" if is_real else "impossible")


def _number(digits: str) -> int:
    return int(digits.translate(_DIGITS))
