"""A small deterministic tokenizer: text to pieces of a word or part of a word, and how many they are."""

import re
from functools import lru_cache

_MARKS = "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640"
_PIECE = re.compile(
    rf"[ \n]?[A-Za-z]{{1,7}}|[ \n]?(?:[^\W\d_][{_MARKS}]*){{1,4}}|[ ]?\d{{1,3}}|\n+|[^\S\n]+|.",
    re.DOTALL,
)
# Beyond this many characters a count is extrapolated from the beginning, so that 10 MB do not stall the loop.
_EXACT_UP_TO = 100_000

PER_MESSAGE = 4
PER_IMAGE = 765
PER_PAGE = 400
PER_AUDIO_SECOND = 32


def pieces(text: str) -> list[str]:
    """Cut `text` into the pieces a stream sends; joined again they give `text`."""
    return _PIECE.findall(text)


@lru_cache(maxsize=4096)
def _count(text: str) -> int:
    return len(_PIECE.findall(text))


def count(text: str) -> int:
    """The number of tokens of `text`."""
    if len(text) <= _EXACT_UP_TO:
        return _count(text)
    return _count(text[:_EXACT_UP_TO]) * len(text) // _EXACT_UP_TO
