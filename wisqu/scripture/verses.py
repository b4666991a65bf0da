"""The text of the Qur'an as Tanzil publishes it, verbatim, with the names of its chapters.

Source: Tanzil Project (https://tanzil.net), Uthmani and simple-clean texts, version 1.1, Creative Commons Attribution
3.0; the notice stands at the end of each file in `data/`. The files are checked against their known digests when they
are first read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
VERSION = "Tanzil 1.1"
SOURCE = "https://tanzil.net"
DIGESTS = {
    "uthmani.txt": "6933e133dd56db778c801bf738848454e43648105a151e8d84d86a7cae39ec5f",
    "simple-clean.txt": "054b3d9f79c0c2e44df7f9ddf42561797b3b5cb4fbdafbf2e99c805ccf1a6b49",
    "words.txt": "c6f6428c9e9f3d18b991472a7d5cad7d3622c44a1fe7de1da1ab1d6cf37672c2",
}
SURAHS = 114
# No basmala stands before their first verses in the files: in the first chapter it is the verse, the ninth has none.
NO_BASMALA = (1, 9)


class DamagedText(RuntimeError):
    """A data file is not the one that was published."""


def read(name: str) -> str:
    """Return a data file's text. Raises DamagedText when its SHA-256 is not the known one."""
    raw = (DATA / name).read_bytes()
    if hashlib.sha256(raw).hexdigest() != DIGESTS[name]:
        raise DamagedText(f"{name} is not the file that was published: restore it from the repository.")
    return raw.decode()


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
