"""The preset that answers when nobody has chosen one, as a value kept in the process for 30 s at most.

It is the published one named `shipped.STANDING`, so that staff may edit it; where they removed it, the file's text
answers without being a preset.
"""

from __future__ import annotations

import time

from presets import shipped
from presets.models import ModelPreset

FRESH_SECONDS = 30.0

_known: tuple[float, ModelPreset | None] | None = None


def current() -> ModelPreset | None:
    """Return the preset; None when there is none. It is shared: read it only."""
    global _known
    known = _known
    if known is None or time.monotonic() - known[0] > FRESH_SECONDS:
        found = ModelPreset.objects.published().filter(slug=shipped.STANDING).first()
        _known = known = (time.monotonic(), found)
    return known[1]


def system_prompt() -> str:
    """Return the instructions of a question that comes with none."""
    preset = current()
    return (preset and preset.system_prompt) or shipped.read(shipped.STANDING).system_prompt


def forget() -> None:
    """Read the table again at the next question."""
    global _known
    _known = None
