"""The options of a web search: how many results, from which domains. Read once, for questions and presets alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

MOST_RESULTS = 10  # what one search of OpenRouter's usual engine holds at its usual price
MOST_DOMAINS = 20
LONGEST_DOMAIN = 253
ONE_OF_BOTH = "Name domains to keep to, or domains to leave out, not both."

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Names that mean nothing on the web, and something in a network of one's own.
_NOT_PUBLIC = frozenset(
    {"localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "arpa", "onion"}
)


def read_domain(text: str) -> str:
    """Return a domain of the web as it is sent: small letters, Punycode, no final dot.

    Raises ValueError for an address, an IP number, a name without a dot, one that only a private network knows.
    """
    name = text.strip().lower().rstrip(".")
    try:
        name = name.encode("idna").decode("ascii") if name else ""
    except UnicodeError:
        name = ""
    labels = name.split(".")
    is_name = len(name) <= LONGEST_DOMAIN and len(labels) > 1 and all(map(_LABEL.fullmatch, labels))
    if not is_name or not labels[-1][0].isalpha() or labels[-1] in _NOT_PUBLIC:
        raise ValueError("Name a domain such as example.org: no address, no path, no port.")
    return name


def read_domains(texts: Iterable[str]) -> list[str]:
    """Return the domains, each once. Raises ValueError."""
    return list(dict.fromkeys(read_domain(text) for text in texts))


def options(
    *,
    max_results: int | None = None,
    allowed_domains: Sequence[str] = (),
    excluded_domains: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the options as a preset keeps them."""
    return {
        "max_results": max_results,
        "allowed_domains": list(dict.fromkeys(allowed_domains)),
        "excluded_domains": list(dict.fromkeys(excluded_domains)),
    }
