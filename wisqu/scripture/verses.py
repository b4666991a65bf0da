"""The text of the Qur'an as Tanzil publishes it, verbatim, with the names of its chapters.

Source: Tanzil Project (https://tanzil.net), Uthmani and simple-clean texts, version 1.1, Creative Commons Attribution
3.0; the notice stands at the end of each file in `data/`. The files are checked against their known digests when they
are first read. Juz and pages are those of the Madinah print, from quran-text (quran.ws, Creative Commons Attribution
4.0).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
VERSION = "Tanzil 1.1"
SOURCE = "https://tanzil.net"
DIGESTS = {
    "uthmani.txt": "6933e133dd56db778c801bf738848454e43648105a151e8d84d86a7cae39ec5f",
    "simple-clean.txt": "054b3d9f79c0c2e44df7f9ddf42561797b3b5cb4fbdafbf2e99c805ccf1a6b49",
    "surahs.txt": "901f3b30e2d665a91f046e8379be1db97ef5adadf8b2e13bf24a1350f2b0fdee",
    "layout.txt": "3d85a72ac1ed7990b1a02edfd4b5d6ac29ce42ee92375ba01e2bc12544e127d6",
    "words.bin": "0b0da2d206cc0762f1e47b1fab38ed9eec44d1e6450962fadb74de10215bad9f",
}
SURAHS = 114
_FIRST_MARK = "\u06d6"  # all letters come before the pause marks
# No basmala stands before their first verses in the files: in the first chapter it is the verse, the ninth has none.
NO_BASMALA = (1, 9)


class DamagedText(RuntimeError):
    """A data file is not the one that was published."""


def read_bytes(name: str) -> bytes:
    """Return what a data file holds. Raises DamagedText when its SHA-256 is not the known one."""
    raw = (DATA / name).read_bytes()
    if hashlib.sha256(raw).hexdigest() != DIGESTS[name]:
        raise DamagedText(f"{name} is not the file that was published: restore it from the repository.")
    return raw


def read(name: str) -> str:
    """Return a data file's text. Raises DamagedText when its SHA-256 is not the known one."""
    return read_bytes(name).decode()


def verify() -> None:
    """Look at every data file. Raises DamagedText, or OSError for one that is missing."""
    for name in DIGESTS:
        read_bytes(name)


def read_lines(name: str) -> Iterator[tuple[int, int, str]]:
    """Yield (surah, ayah, text) of a data file; what follows the last verse is its notice."""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if not line[:1].isdigit():
            return
        surah, ayah, text = line.split("|")
        yield int(surah), int(ayah), text


@cache
def _uthmani() -> dict[tuple[int, int], str]:
    found = {}
    for line in read("uthmani.txt").splitlines():
        if not line[:1].isdigit():
            break
        surah, ayah, text = line.split("|")
        found[int(surah), int(ayah)] = text
    return found


@cache
def lengths() -> tuple[int, ...]:
    """Return the number of verses of each chapter; index 0 is unused."""
    counts = [0] * (SURAHS + 1)
    for surah, ayah in _uthmani():
        counts[surah] = max(counts[surah], ayah)
    return tuple(counts)


def exists(surah: int, ayah: int) -> bool:
    """Tell whether there is such a verse."""
    return 1 <= surah <= SURAHS and 1 <= ayah <= lengths()[surah]


def verse(surah: int, ayah: int) -> str:
    """Return the verse in Uthmani script, without the basmala before a chapter. Raises KeyError for no such verse."""
    text = _uthmani()[surah, ayah]
    return text.split(" ", 4)[4] if ayah == 1 and surah not in NO_BASMALA else text


def words(surah: int, ayah: int) -> list[str]:
    """Return the words of the verse, without the pause marks that stand between them."""
    return [word for word in verse(surah, ayah).split(" ") if word < _FIRST_MARK]


# --- Juz and pages ----------------------------------------------------------------------------------------------------


@cache
def _layout() -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {"juz": [], "page": []}
    for line in read("layout.txt").splitlines():
        if not line or line[0] == "#":
            continue
        kind, _, surah, ayah = line.split("|")
        found[kind].append((int(surah), int(ayah)))
    return found


def juz(surah: int, ayah: int) -> int:
    """Return in which of the 30 parts the verse begins."""
    return bisect_right(_layout()["juz"], (surah, ayah))


def page(surah: int, ayah: int) -> int:
    """Return on which of the 604 pages of the Madinah print the verse begins."""
    return bisect_right(_layout()["page"], (surah, ayah))


# --- What the product says of them ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """A text that the product holds: what it is, whose, under which licence, and the digest of its file."""

    name: str
    version: str
    publisher: str
    url: str
    licence: str
    licence_url: str
    sha256: str
    notice: str


def sources() -> tuple[Source, ...]:
    """Return the texts that were published by others, each with its notice."""
    tanzil = ("1.1", "Tanzil Project", SOURCE, "CC BY 3.0", "https://creativecommons.org/licenses/by/3.0/")
    return (
        Source("Qur'an, Uthmani", *tanzil, DIGESTS["uthmani.txt"], _notice("uthmani.txt")),
        Source("Qur'an, simple (clean)", *tanzil, DIGESTS["simple-clean.txt"], _notice("simple-clean.txt")),
        Source(
            "Juz and pages of the Madinah print",
            "0.1.0",
            "quran-text (quran.ws)",
            "https://github.com/quran-ws/quran-text",
            "CC BY 4.0",
            "https://creativecommons.org/licenses/by/4.0/",
            DIGESTS["layout.txt"],
            _notice("layout.txt"),
        ),
    )


def facts() -> dict[str, object]:
    """Return which texts these are, as the state of the product tells it."""
    return {"text": VERSION, "sha256": DIGESTS}


@cache
def _notice(name: str) -> str:
    """Return the notice that stands in the file, without its marks of comments and its rules."""
    lines = [line.lstrip("#").strip("= ").rstrip() for line in read(name).splitlines() if line[:1] == "#"]
    return "\n".join(lines).strip()
