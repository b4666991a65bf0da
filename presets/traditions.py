"""The tradition that a person has chosen, as models are told it: behind the prompt of a preset that takes it.

Each tradition has one text that never changes with person or time, so that providers can cache prompt and text
together. `docs/presets.md` has the reasons.
"""

from __future__ import annotations

from presets import shipped
from presets.models import ModelPreset
from wisqu.accounts.models import User

GENERAL = User.Tradition.GENERAL

_SCHOOL = (
    "The reader follows the {name} school of Sunni Islam. Where the schools differ, give what is relied upon in the "
    "{name} school first, with its works, then name what the other schools hold."
)
_TEXTS: dict[str, str] = {
    User.Tradition.SUNNI: (
        "The reader is Sunni. Where traditions differ, give the view of the four Sunni schools first, each by name, "
        "then name what others hold, such as the Ja'fari school."
    ),
    User.Tradition.HANAFI: _SCHOOL.format(name="Hanafi"),
    User.Tradition.MALIKI: _SCHOOL.format(name="Maliki"),
    User.Tradition.SHAFII: _SCHOOL.format(name="Shafi'i"),
    User.Tradition.HANBALI: _SCHOOL.format(name="Hanbali"),
    User.Tradition.SHIA: (
        "The reader is Shia. Where traditions differ, give the view of the Ja'fari school first, with its works and "
        "collections of hadith, then name what the four Sunni schools hold. For rulings that differ from one "
        "authority to another, point to the reader's own marja'."
    ),
}
_ALWAYS = (
    " This changes the order, not the fairness: speak of every tradition with the same respect, hide no disagreement, "
    "and all that was said above about rulings and judgements still holds."
)


def takes_tradition(preset: ModelPreset | None) -> bool:
    """Tell whether the preset is one of the house that answers by the reader's tradition; none is the standing one."""
    if preset is None:
        return True
    return preset.owner_id is None and preset.slug in shipped.with_tradition()


def completed(prompt: str, tradition: str) -> str:
    """Return the prompt with what the tradition adds behind it; the same bytes for everybody who has chosen it."""
    text = _TEXTS.get(tradition)
    return f"{prompt}\n\n{text}{_ALWAYS}" if text else prompt
