"""Vowels that contradict the text, compared where both sides write them (9:3 turns on a single one)."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

from wisqu.scripture.letters import fold_full

_FATHA, _DAMMA, _KASRA = "\u064e", "\u064f", "\u0650"
# A vowel, or the same with its final n; print has several shapes of the latter.
_VOWELS = {
    _FATHA: "a", "\u064b": "an", "\u08f0": "an", "\u0657": "an",
    _DAMMA: "u", "\u064c": "un", "\u08f1": "un", "\u065e": "un",
    _KASRA: "i", "\u064d": "in", "\u08f2": "in", "\u0656": "i",
}  # fmt: skip
# Letters that print writes with or without, or whose vowel belongs to the letter before.
_LONG = frozenset("اوي")


VOWEL = re.compile(f"[{''.join(_VOWELS)}]")
# What is neither a letter nor one of these vowels tells nothing here.
_SIGNS = {sign: None for sign in range(0x0610, 0x0900) if unicodedata.category(chr(sign)) in ("Mn", "Lm")}
_PLAIN = _SIGNS | {ord(vowel): vowel for vowel in _VOWELS}


@lru_cache(maxsize=4096)
def agree(written: str, text: str) -> bool:
    """Tell whether no vowel of the written word contradicts the word of the text; those of long letters don't count."""
    if written == text or written.translate(_PLAIN) == text.translate(_PLAIN):
        return True
    one, other = _read(written), _read(text)
    for first, second, size in _blocks([letter for letter, _ in one], [letter for letter, _ in other]):
        for offset in range(size):
            (letter, mine), (_, theirs) = one[first + offset], other[second + offset]
            # Before a pause the text may write the long vowel that a final n becomes (18:1).
            is_pause = mine == theirs + "n" and other[second + offset + 1 :] == [("ا", "")]
            if letter not in _LONG and mine and theirs and mine != theirs and not is_pause:
                return False
    return True


def _blocks(one: list[str], other: list[str]) -> list[tuple[int, int, int]]:
    """Return where the letters are the same: (place in one, place in the other, how many)."""
    if one == other:
        return [(0, 0, len(one))]
    found = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return [(block.a, block.b, block.size) for block in found]


@lru_cache(maxsize=4096)
def _read(word: str) -> list[tuple[str, str]]:
    """Return the letters of a word, each with its vowel, empty where none is written."""
    found: list[tuple[str, str]] = []
    for sign in word:
        vowel = _VOWELS.get(sign)
        if vowel is not None:
            if found and not found[-1][1]:
                found[-1] = (found[-1][0], vowel)
            continue
        letter = fold_full(sign)
        if letter:
            found.append((letter[0], ""))
    return found
