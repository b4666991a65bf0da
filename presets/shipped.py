"""The presets that come with the product: files in `presets/prompts`, one each. `docs/presets.md` has the reasons.

A file begins with its facts between two lines of dashes; the rest is the system prompt, to the letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "prompts"
# The one that answers when nobody has chosen.
STANDING = "knowledge-assistant"
# In the order in which they are shown to somebody who has none of their own.
ORDER = (STANDING, "quran-study", "arabic-tutor", "translator", "plain-assistant")


@dataclass(frozen=True, slots=True)
class Shipped:
    """One file. `version` grows with every change of the prompt or the temperature."""

    slug: str
    name: str
    description: str
    version: int
    system_prompt: str
    temperature: float | None = None
    takes_tradition: bool = False  # whether the reader's own tradition is told with it (`presets.traditions`)


@cache
def read(slug: str) -> Shipped:
    """Return the preset of this file."""
    _, head, prompt = (FOLDER / f"{slug}.md").read_text(encoding="utf-8").split("---\n", 2)
    facts = dict(line.split(": ", 1) for line in head.splitlines())
    temperature = facts.get("temperature")
    return Shipped(
        slug=slug,
        name=facts["name"],
        description=facts["description"],
        version=int(facts["version"]),
        system_prompt=prompt.strip(),
        temperature=float(temperature) if temperature else None,
        takes_tradition=facts.get("tradition") == "yes",
    )


@cache
def with_tradition() -> frozenset[str]:
    """Return the slugs of those that answer by the reader's tradition."""
    return frozenset(each.slug for each in all_shipped() if each.takes_tradition)


def all_shipped() -> list[Shipped]:
    """Return every preset that comes with the product."""
    return [read(slug) for slug in ORDER]
