"""A web search that searches nothing: sources at example.org, cited in the text and as annotations."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from wisqu.sandbox import controls, tokens
from wisqu.sandbox.reading import Ask
from wisqu.sandbox.replies import Extra, Reply

FEE = Decimal("0.007")
_SOURCES = (
    ("https://example.org/encyclopaedia", "Sample encyclopaedia"),
    ("https://example.com/library?page=2", "Sample library: page 2"),
    ("https://example.net/مقالة", "مقالة نموذجية"),
    ("https://example.org/journal/3", "Sample journal, volume 3"),
    ("https://example.com/archive", "Sample archive"),
)


def _options(ask: Ask) -> dict[str, Any]:
    """What the search was asked for with, in the words of the tool."""
    options = dict(ask.plugin("web") or {})
    options["allowed_domains"] = options.pop("include_domains", None)
    options["excluded_domains"] = options.pop("exclude_domains", None)
    for tool in ask.body.get("tools") or ():
        if isinstance(tool, dict) and tool.get("type") == "openrouter:web_search":
            options |= tool.get("parameters") or {}
    return options


def _found(ask: Ask) -> list[tuple[str, str]]:
    options = _options(ask)
    number = options.get("max_results", 3)
    allowed, excluded = options.get("allowed_domains") or (), options.get("excluded_domains") or ()
    sources = [
        source
        for source in _SOURCES
        if (host := urlsplit(source[0]).hostname) not in excluded and (not allowed or host in allowed)
    ]
    return sources[: max(1, number) if isinstance(number, int) else 3]


def cite(ask: Ask, reply: Reply) -> None:
    """Add sources to a reply. `[[citations:empty]]` gives them the empty titles and 0,0 places some have."""
    empty = ask.controls.text("citations") == "empty"
    heading = "\n\n" if reply.pieces else ""
    text = reply.text + heading
    added = heading
    for url, title in _found(ask):
        link = f"[{title}]({url})"
        start = len(text)
        text += link + "\n"
        added += link + "\n"
        citation: dict[str, Any] = {
            "url": url,
            "title": "" if empty else title,
            "content": f"What the sandbox's sample source says about: {controls.strip(ask.question)[:80]}",
            "start_index": 0 if empty else start,
            "end_index": 0 if empty else start + len(link),
        }
        reply.extras.append(Extra({"annotations": [{"type": "url_citation", "url_citation": citation}]}))
    reply.pieces += tokens.pieces(added)
