"""An answer that is to be written again with its quotations put right: how a request says so, and what is then said."""

import re
from typing import Any

from wisqu.sandbox.unfinished import text_of

_ASKED = re.compile(r"checked against the text of the Qur'an")
_ALTERED = re.compile(r"^- You quote \"(?P<wrong>.+?)\", which is not .*? says: (?P<right>.+)$", re.MULTILINE)
_MISSING = re.compile(r"^- \"(?P<wrong>.+?)\": there is no such verse", re.MULTILINE)
_NUMBERS = re.compile(r"\s*\ufd3f[٠-٩]+\ufd3e")


def amended(messages: list[Any]) -> str | None:
    """Return the answer before the wish, with each place put right as the wish says; None where nobody asks for it."""
    lines = [(each.get("role"), text_of(each.get("content"))) for each in messages if isinstance(each, dict)]
    if len(lines) < 2 or lines[-1][0] != "user" or lines[-2][0] != "assistant":
        return None
    wish, text = lines[-1][1], lines[-2][1]
    if not _ASKED.search(wish[:200]):
        return None
    for found in _ALTERED.finditer(wish):
        text = text.replace(found["wrong"], _NUMBERS.sub("", found["right"]).strip())
    for found in _MISSING.finditer(wish):
        text = text.replace(found["wrong"], "the Qur'an")
    return text
