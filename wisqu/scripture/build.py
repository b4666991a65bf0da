"""Writes `data/words.txt`, from which the checker starts: `python -m wisqu.scripture.build`.

Every word of the modern spelling with the letters that Uthmani spelling has in its place, both folded. It is derived
from the two texts of Tanzil beside it and committed, since folding 160,000 words at each start takes too long.

A line is a verse: `surah|ayah|words`. A word is `letters`, then `/other` for each other spelling. `^` in front says
that Uthmani script writes it in one with the word before; the spellings of the whole then follow, each after `~`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def entry(word: str, modern: Sequence[str]) -> str:
    """Return what the file says of one Uthmani word."""
    spellings = dict.fromkeys((fold(word), fold_full(word)))
    first, *rest = map(fold, modern)
    if not rest:
        return "/".join(dict.fromkeys((first, *spellings)))
    return " ".join([first, *(f"^{each}" for each in rest)]) + "".join(f"~{each}" for each in spellings)


def lines() -> Iterator[str]:
    """Yield the lines of the file."""
    modern = dict(_by_place())
    for surah, ayah, text in read_lines("uthmani.txt"):
        found = pairs(
            words_of(text, surah=surah, ayah=ayah), words_of(modern[surah, ayah], surah=surah, ayah=ayah)
        )
        yield f"{surah}|{ayah}|{' '.join(entry(*pair) for pair in found)}"


def _by_place() -> Iterator[tuple[tuple[int, int], str]]:
    for surah, ayah, text in read_lines("simple-clean.txt"):
        yield (surah, ayah), text


def main() -> None:
    """Write the file."""
    (DATA / "words.txt").write_text("\n".join(lines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
