"""Lines of a page as they stand there, from left to right, back into the order in which they are read.

A PDF says where each shape stands, not what follows what. For Arabic script that is the wrong way round, and often in
the codes of shapes instead of letters.
"""

from __future__ import annotations

import re
import unicodedata

_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_ANY_RTL = re.compile(f"[{_RTL}]")
# Digits of any script and Latin words keep their direction, with the signs between them.
_WORD = "[0-9A-Za-z\u00c0-\u024f\u0660-\u0669\u06f0-\u06f9]"
_LTR_RUN = re.compile(f"{_WORD}+(?:[.,:/@_\u066b\u066c-]?{_WORD}+)*")
_SHARE = re.compile("([%\u066a])(\\d+(?:[.,]\\d+)?)")
_RTL_RUN = re.compile(f"[{_RTL}](?:[^\\S\n]*[{_RTL}])*")
_SHAPES = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def is_rtl(text: str) -> bool:
    """Tell whether there is anything in it that is read from right to left."""
    return _ANY_RTL.search(text) is not None


def in_reading_order(text: str) -> str:
    """Return lines that stand as they are seen in the order in which they are read; blanks that only place are one."""
    return "\n".join(line for each in text.splitlines() if (line := _line(" ".join(each.split()))))


def _line(seen: str) -> str:
    right, left = len(_ANY_RTL.findall(seen)), sum(map(str.isalpha, seen))
    if not right:
        return seen
    if right * 2 < left:  # a line of another script with a few words in it
        read = _RTL_RUN.sub(lambda run: run[0][::-1], seen)
    else:
        turned = seen[::-1].translate(_MIRRORED)
        read = _SHARE.sub(r"\2\1", _LTR_RUN.sub(lambda run: run[0][::-1], turned))
    return _SHAPES.sub(lambda run: unicodedata.normalize("NFKC", run[0]), read)
