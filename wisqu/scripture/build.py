"""Writes `data/words.bin`, from which the checker starts, and `data/layout.txt`: `python -m wisqu.scripture.build`.

`words.bin` holds every word of the modern spelling with the letters that Uthmani spelling has in its place, both
folded, and where three words in a row stand. It is derived from the two texts of Tanzil beside it and committed, since
folding 160,000 words at each start takes too long. `layout.txt` says with which verse each juz and page begins; it is
written where the package `quran-text` is installed, from its copy of the Madinah print.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import accumulate, chain, pairwise
from typing import Any, NamedTuple

from wisqu.scripture.binary import pack
from wisqu.scripture.index import LONGEST_SHORT, pair_key, pairs_in, three_key, word_key
from wisqu.scripture.letters import WORD, fold, fold_full, skeleton
from wisqu.scripture.verses import DATA, NO_BASMALA, read_lines

# Pairs of (Uthmani words, modern words) that one place may hold.
_SHAPES = ((1, 1), (1, 2), (1, 3))
_BASMALA_WORDS = 4
# The only words that the two spellings write with different consonants (2:245, 7:69, 72:16).
_UNLIKE = {"ويبصط": ("ويبسط",), "بصطه": ("بسطه",), "والو": ("وان", "لو")}


def words_of(line: str, *, surah: int, ayah: int) -> list[str]:
    """Return the words of a verse without the basmala that the files put before the first verses."""
    words = [word for word in WORD.findall(line) if fold(word)]
    has_basmala = ayah == 1 and surah not in NO_BASMALA
    return words[_BASMALA_WORDS:] if has_basmala else words


def pairs(uthmani: Sequence[str], modern: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each Uthmani word with the modern words in its place. Raises ValueError where they don't agree."""
    at = 0
    for word in uthmani:
        width = next((wide for _, wide in _SHAPES if _agree(word, modern[at : at + wide])), 0)
        if not width:
            raise ValueError(f"{word} has no counterpart in {modern[at : at + 2]}")
        yield word, modern[at : at + width]
        at += width
    if at != len(modern):
        raise ValueError(f"{modern[at:]} has no counterpart")


def _agree(word: str, modern: Sequence[str]) -> bool:
    folded = tuple(map(fold, modern))
    return skeleton(fold(word)) == skeleton("".join(folded)) or _UNLIKE.get(fold(word)) == folded


class Entry(NamedTuple):
    """One word of the modern spelling: how it may be written, and the whole that Uthmani script makes of it."""

    spellings: tuple[str, ...]
    wholes: tuple[str, ...] = ()  # only of the last of several words that are written in one
    is_inside: bool = False


def entries(word: str, modern: Sequence[str]) -> Iterator[Entry]:
    """Yield what is known of the words in the place of one Uthmani word."""
    spellings = tuple(dict.fromkeys((fold(word), fold_full(word))))
    first, *rest = map(fold, modern)
    if not rest:
        yield Entry(tuple(dict.fromkeys((first, *spellings))))
        return
    yield Entry((first,))
    for at, each in enumerate(rest, start=2):
        yield Entry((each,), spellings if at == len(modern) else (), is_inside=True)


def verses() -> Iterator[list[Entry]]:
    """Yield the words of each verse."""
    modern = dict(_by_place())
    for surah, ayah, text in read_lines("uthmani.txt"):
        words = words_of(text, surah=surah, ayah=ayah)
        found = pairs(words, words_of(modern[surah, ayah], surah=surah, ayah=ayah))
        yield [entry for word, others in found for entry in entries(word, others)]


def _by_place() -> Iterator[tuple[tuple[int, int], str]]:
    for surah, ayah, text in read_lines("simple-clean.txt"):
        yield (surah, ayah), text


class _Numbers(dict[Any, int]):
    """Numbers things in the order in which they are first asked for."""

    def __missing__(self, key: Any) -> int:
        number = self[key] = len(self)
        return number


def words() -> bytes:
    """Return what `words.bin` holds; `wisqu.scripture.index` says what each part is."""
    found = list(verses())
    row = [entry for verse in found for entry in verse]
    forms, skeletons = _Numbers(), _Numbers()
    numbers = [forms[entry.spellings] for entry in row]
    keys = [skeletons[skeleton(form[0])] for form in forms]
    starts = list(accumulate(map(len, found), initial=0))
    short = [
        (verse, [keys[number] for number in numbers[begin:end]])
        for verse, (begin, end) in enumerate(pairwise(starts))
        if end - begin <= LONGEST_SHORT
    ]
    return pack(
        "\n".join("/".join(form) for form in forms),
        "\n".join(skeletons),
        "\n".join(_joined(row)),
        array("H", keys),
        array("H", numbers),
        array("I", starts[:-1]),
        array("I", (number for number, entry in enumerate(row) if entry.is_inside)),
        *_grouped(zip(numbers, range(len(row)), strict=True)),
        *_grouped(_threes([keys[number] for number in numbers])),
        *_grouped((pair_key(*pair), verse) for verse, row in short for pair in set(pairs_in(row))),
        *_grouped((word_key(key, len(row)), verse) for verse, row in short for key in set(row)),
    )


def _grouped(pairs: Iterable[tuple[int, int]]) -> tuple[array[int], array[int], array[int]]:
    """Return the keys, where the values of each begin (and where the last ones end), and the values."""
    groups: dict[int, list[int]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    starts = accumulate(map(len, groups.values()), initial=0)
    return array("Q", groups), array("I", starts), array("I", chain.from_iterable(groups.values()))


def _threes(keys: Sequence[int]) -> Iterator[tuple[int, int]]:
    for number, three in enumerate(zip(keys, keys[1:], keys[2:], strict=False)):
        yield three_key(*three), number


def _joined(row: Sequence[Entry]) -> Iterator[str]:
    """Yield each whole and its words, once."""
    seen = set()
    for number, entry in enumerate(row):
        first = number
        while row[first].is_inside:
            first -= 1
        for whole in entry.wholes:
            if whole not in seen:
                seen.add(whole)
                yield " ".join([whole, *(each.spellings[0] for each in row[first : number + 1])])


# --- Juz and pages ----------------------------------------------------------------------------------------------------


def layout() -> str:
    """Return with which verse each juz and page of the Madinah print begins, as the package `quran-text` tells it.

    Raises ModuleNotFoundError where it is not installed.
    """
    mushaf = json.loads(files("quran_text_data").joinpath("hafs.json").read_text(encoding="utf-8"))
    places = [(surah, ayah) for surah, ayah, _ in read_lines("uthmani.txt")]
    by_word = dict(zip(mushaf["ayah_starts"], places, strict=True))
    rows = [
        f"{kind}|{number}|{surah}|{ayah}"
        for kind in ("juz", "page")
        for number, (surah, ayah) in enumerate(map(by_word.__getitem__, mushaf[f"{kind}_starts"]), start=1)
    ]
    return "\n".join([*rows, "", *LAYOUT_NOTICE]) + "\n"


LAYOUT_NOTICE = (
    "# The first verse of each juz and page of the Madinah print (Hafs), taken from quran-text 0.1.0",
    "# by quran.ws (https://github.com/quran-ws/quran-text), Creative Commons Attribution 4.0",
    "# (https://creativecommons.org/licenses/by/4.0/). Changed: places are given as chapter and verse.",
)


def main() -> None:
    """Write the files."""
    (DATA / "words.bin").write_bytes(words())
    try:
        (DATA / "layout.txt").write_text(layout(), encoding="utf-8")
    except ModuleNotFoundError:
        print("layout.txt is left as it is: quran-text is not installed")  # noqa: T201 - a tool


if __name__ == "__main__":
    main()
