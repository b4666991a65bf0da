"""What an answer quotes of the Qur'an, and whether it is so: found once at its end, kept and told with it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chat.quotations import document
from wisqu.scripture.checker import check

log = logging.getLogger(__name__)

# Without a letter of Arabic or a figure there is neither a quotation nor a reference.
_MAY_HOLD_ANY = re.compile(r"[\d\u0620-\u06d3]")
# An answer beyond this is no answer any more, and is not read to its end.
_LONGEST = 400_000


@dataclass(frozen=True, slots=True)
class Findings:
    """The quotations and references of a text, in the form of the API; offsets are code points."""

    quotations: list[dict[str, Any]] = field(default_factory=list)
    references: list[dict[str, Any]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.quotations or self.references)

    @property
    def grave(self) -> int:
        """How many quotations are altered, and references impossible: what a model is asked to mend."""
        altered = [one for one in self.quotations if one["verdict"] == "altered"]
        return len(altered) + len([one for one in self.references if one["state"] == "impossible"])

    @property
    def of_the_text(self) -> Findings:
        """The same of an answer from the text itself, which names a verse that there is not to say so."""
        there = [one for one in self.references if one["state"] != "impossible"]
        return Findings(self.quotations, there)

    def flaws(self) -> Iterator[dict[str, Any]]:
        """Yield what is not as it should be."""
        yield from flaws(self.quotations, self.references)


def flaws(quotations: list[dict[str, Any]], references: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the quotations that are not genuine and the references that are not real."""
    yield from (one for one in quotations if one["verdict"] != "genuine")
    yield from (one for one in references if one["state"] != "real")


def find(text: str) -> Findings:
    """Return what the text quotes and refers to; a few milliseconds for a long answer."""
    if not _MAY_HOLD_ANY.search(text):
        return Findings()
    try:
        found = document(check(text[:_LONGEST]))
    except Exception:  # whatever it is: an answer is not lost because it could not be checked
        log.exception("an answer could not be checked")
        return Findings()
    return Findings(found["quotations"], found["references"])


async def find_beside(text: str) -> Findings:
    """Return the same without holding up the loop; a text that can hold nothing costs no thread."""
    if not _MAY_HOLD_ANY.search(text):
        return Findings()
    return await asyncio.to_thread(find, text)
