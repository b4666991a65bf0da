"""The verses in several spellings, and what one can do to them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from wisqu.scripture.build import words_of
from wisqu.scripture.verdicts import Quotation
from wisqu.scripture.verses import read_lines

Place = tuple[int, int]
NEGATIONS = ("لا", "لم", "لن", "ما", "ليس", "ولا", "وما", "فلا", "غير", "إلا")
SIGNS = "".join(map(chr, [*range(0x064B, 0x0653), 0x0670]))


def modern(sample: int = 1) -> Iterator[tuple[Place, list[str]]]:
    """Yield the words of each verse, or of every so many-th, as people type them today, without vowels."""
    yield from _verses("simple-clean.txt", sample)


def uthmani(sample: int = 1) -> Iterator[tuple[Place, list[str]]]:
    """Yield the words of each verse, or of every so many-th, in Uthmani script with vowels."""
    yield from _verses("uthmani.txt", sample)


def _verses(name: str, sample: int) -> Iterator[tuple[Place, list[str]]]:
    for number, (surah, ayah, line) in enumerate(read_lines(name)):
        if number % sample == 0:
            yield (surah, ayah), words_of(line, surah=surah, ayah=ayah)


def marked(words: Sequence[str]) -> str:
    """Return the words in the brackets that are made for verses."""
    return f"﴿{' '.join(words)}﴾"


def verses_in(quotation: Quotation) -> set[Place]:
    """Return every verse that the quotation may be."""
    return {(place.surah, ayah) for place in quotation.places for ayah in range(place.first, place.last + 1)}


def extract(words: Sequence[str], chance: random.Random) -> Sequence[str]:
    """Return 4 to 12 words in a row."""
    size = chance.randint(4, min(12, len(words)))
    first = chance.randint(0, len(words) - size)
    return words[first : first + size]


def replaced(words: Sequence[str], chance: random.Random, vocabulary: Sequence[str]) -> list[str]:
    """Return the words with one in the middle replaced."""
    at = chance.randrange(1, len(words) - 1)
    return [
        *words[:at],
        chance.choice([each for each in chance.sample(vocabulary, 2) if each != words[at]]),
        *words[at + 1 :],
    ]


def dropped(words: Sequence[str], chance: random.Random) -> list[str]:
    """Return the words without one in the middle."""
    at = chance.randrange(1, len(words) - 1)
    return [*words[:at], *words[at + 1 :]]


def added(words: Sequence[str], chance: random.Random, vocabulary: Sequence[str]) -> list[str]:
    """Return the words with one more in the middle."""
    at = chance.randrange(1, len(words) - 1)
    return [*words[:at], chance.choice(vocabulary), *words[at:]]


def swapped(words: Sequence[str], chance: random.Random) -> list[str] | None:
    """Return the words with two neighbours in each other's place; None where they are the same."""
    at = chance.randrange(1, len(words))
    if words[at] == words[at - 1]:
        return None
    return [*words[: at - 1], words[at], words[at - 1], *words[at + 1 :]]


def without_negation(words: Sequence[str], chance: random.Random) -> list[str] | None:
    """Return the words without one of their negations in the middle; None where there is none."""
    places = [at for at in range(1, len(words) - 1) if words[at] in NEGATIONS]
    if not places:
        return None
    at = chance.choice(places)
    return [*words[:at], *words[at + 1 :]]
