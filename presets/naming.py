"""How presets are called on pages: those of the product in the reader's language, others as people wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from presets import shipped
from presets.models import ModelPreset


def shown_name(preset: ModelPreset) -> str:
    """Return the name to show."""
    return _shipped().get(preset.slug, ("", ""))[0] if _is_as_shipped(preset) else preset.name


def shown_description(preset: ModelPreset) -> str:
    """Return the line below the name."""
    return _shipped().get(preset.slug, ("", ""))[1] if _is_as_shipped(preset) else preset.description


def used_name(used: Mapping[str, Any] | None) -> str:
    """Return the name of the preset that an answer keeps; empty for none."""
    if used is None:
        return ""
    words = _shipped().get(used["slug"]) if used["is_public"] else None
    return words[0] if words and used["name"] == shipped.read(used["slug"]).name else str(used["name"])


def _is_as_shipped(preset: ModelPreset) -> bool:
    return preset.shipped_version is not None and preset.slug in _shipped()


def _shipped() -> dict[str, tuple[str, str]]:
    """Return the words of `presets/prompts` again, where they can be translated."""
    return {
        "knowledge-assistant": (
            _("Knowledge assistant"),
            _("Careful answers with their sources; names where the schools differ. The default."),
        ),
        "quran-study": (
            _("Qur'an study"),
            _("Reads a verse or passage with you: wording, context, and what the commentators say."),
        ),
        "arabic-tutor": (
            _("Arabic tutor"),
            _("Teaches Arabic step by step: corrects gently, explains why, and lets you try again."),
        ),
        "translator": (
            _("Translator"),
            _("Translates faithfully between languages and says what could not be carried over."),
        ),
        "plain-assistant": (
            _("Plain assistant"),
            _("A general assistant for everyday work, with as few instructions as possible."),
        ),
    }
