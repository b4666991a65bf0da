"""A web search that searches nothing: sources at example.org, cited in the text and as annotations."""

from decimal import Decimal
from typing import Any

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


def _wanted(ask: Ask) -> int:
    plugin = ask.plugin("web") or {}
    number = plugin.get("max_results", 3)
    for tool in ask.body.get("tools") or ():
        if isinstance(tool, dict) and tool.get("type") == "openrouter:web_search":
            number = (tool.get("parameters") or {}).get("max_results", number)
    return max(1, min(int(number), len(_SOURCES))) if isinstance(number, int) else 3


def cite(ask: Ask, reply: Reply) -> None:
    """Add sources to a reply. `[[citations:empty]]` gives them the empty titles and 0,0 places some have."""
    empty = ask.controls.text("citations") == "empty"
    heading = "\n\n" if reply.pieces else ""
    text = reply.text + heading
    added = heading
    for url, title in _SOURCES[: _wanted(ask)]:
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
