"""The web pages that an answer rests on: how they are kept, numbered, and marked in its text. Pure.

A mark stands in the text as a control character, the page's number and another control character: to Markdown it is
a blank and a word, so that it changes the meaning of nothing around it. `chat.rendering` makes links of the marks.
`static/js/citations.js` does the same in the browser.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wisqu.openrouter.types import Citation

BEGIN, END = "\x0b", "\x02"
MARK = re.compile(f"{BEGIN}(\\d+){END}")
MOST = 100
LONGEST_URL, LONGEST_TITLE = 2000, 300

# Controls, and the characters that turn the direction of what follows: a title is one line and keeps to itself.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_WEB = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
# What no mark may stand inside of: the address of a link with its bracket, and a bare address.
_ADDRESSES = re.compile(r"\]\([^)\s]*(?:\s+\"[^\"\n]*\")?\)|https?://[^\s<>\"'\])]+")
# A line that is nothing but a sign to Markdown: with a mark behind it it would be none.
_SIGN = re.compile(r"\s*(?:[`~]{3,}.*|\[[^\]]+\]:.*|[-=*_\s|:]+|.*(?:\$\$|\\\]))")


@dataclass(frozen=True, slots=True)
class Source:
    """A cited page. `host` is the address as far as it tells whose page it is."""

    number: int
    url: str
    title: str
    host: str

    @property
    def as_markdown(self) -> str:
        """The page as a link in Markdown, whatever its title and address hold."""
        title = re.sub(r"([\\\[\]<>*_`])", r"\\\1", self.title)
        return f"[{title}](<{self.url.replace('<', '%3C').replace('>', '%3E')}>)"


@dataclass(frozen=True, slots=True)
class Cited:
    """One citation of a running answer: `start` and `end` are code points of the whole, `seq` its event's number."""

    url: str
    title: str
    start: int
    end: int
    seq: int

    def stored(self, *, length: int) -> dict[str, Any]:
        """Return what the answer's row keeps; a place beyond the text is none."""
        end = min(self.end, length)
        start = min(self.start, end)
        return {"url": self.url, "title": self.title, "start": start, "end": end, "seq": self.seq}


def readable(found: Citation) -> Citation | None:
    """Return what is kept of a citation; None for an address that is none of the web or has no end."""
    if not _WEB.fullmatch(found.url) or len(found.url) > LONGEST_URL or not host_of(found.url):
        return None
    start, end = (found.start, found.end) if 0 <= found.start <= found.end < 2**31 else (0, 0)
    title = _UNSEEN.sub(" ", found.title).strip()[:LONGEST_TITLE]
    return Citation(found.url, title, start, end)


def taken_over(given: object) -> list[dict[str, Any]]:
    """Return the citations of a document from elsewhere, as a row keeps them; what can't be one is left out."""
    entries = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    found = (_citation(entry) for entry in entries[:MOST])
    return [
        Cited(each.url, each.title, each.start, each.end, 0).stored(length=each.end) for each in found if each
    ]


def _citation(entry: Mapping[str, Any]) -> Citation | None:
    url, title, start, end = (entry.get(name) for name in ("url", "title", "start", "end"))
    if not (
        isinstance(url, str) and isinstance(title, str) and isinstance(start, int) and isinstance(end, int)
    ):
        return None
    return readable(Citation(url, title, start, end))


def shown(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the citations as a message's document tells them."""
    return [{name: each[name] for name in ("url", "title", "start", "end")} for each in stored]


def host_of(url: str) -> str:
    """Return the name of the address's server in Punycode, empty where it has none."""
    try:
        host = urlsplit(url).hostname or ""
        return host.encode("idna").decode("ascii").removeprefix("www.") if host else ""
    except ValueError:
        return ""


def sources(citations: Iterable[Mapping[str, Any]] | None) -> list[Source]:
    """Return the cited pages, each once, numbered in the order in which they were first cited."""
    titles: dict[str, str] = {}
    for each in citations or ():
        url = str(each.get("url", ""))
        if _WEB.fullmatch(url) and host_of(url):
            titles[url] = titles.get(url) or str(each.get("title") or "")
    return [
        Source(number, url, title or host_of(url), host_of(url))
        for number, (url, title) in enumerate(titles.items(), start=1)
    ]


def marked(text: str, citations: Sequence[Mapping[str, Any]]) -> str:
    """Return the text with a mark behind each passage that a citation belongs to."""
    text = text.replace(BEGIN, " ").replace(END, " ")
    numbers = {source.url: source.number for source in sources(citations)}
    places: dict[int, set[int]] = defaultdict(set)
    for each in citations:
        number, place = numbers.get(each.get("url", "")), _place(text, each.get("end", 0))
        if number and place:
            places[place].add(number)
    return _with_marks(text, places)


def as_markdown(text: str, citations: Sequence[Mapping[str, Any]]) -> str:
    """Return the text with the numbers of its sources in brackets, for a file."""
    return MARK.sub(r" [\1]", marked(text, citations)) if citations else text


def _with_marks(text: str, places: Mapping[int, set[int]]) -> str:
    parts, last = [], 0
    for place in sorted(places):
        parts.append(text[last:place])
        parts += [f"{BEGIN}{number}{END}" for number in sorted(places[place])]
        last = place
    return "".join([*parts, text[last:]])


def _place(text: str, end: int) -> int:
    """Return where the mark of a passage that ends there may stand; 0 for nowhere."""
    place = min(end, len(text))
    line_end = text.find("\n", place)
    for address in _ADDRESSES.finditer(
        text, text.rfind("\n", 0, place) + 1, line_end if line_end >= 0 else len(text)
    ):
        if address.start() < place < address.end():
            place = address.end()
    place = len(text[:place].rstrip())
    line_end = text.find("\n", place)
    line = text[text.rfind("\n", 0, place) + 1 : line_end if line_end >= 0 else len(text)]
    return 0 if _SIGN.fullmatch(line) else place
