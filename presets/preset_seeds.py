"""Publishes the presets that the product ships with (`presets/shipped.py`)."""

from __future__ import annotations

from typing import Any

from presets import standing
from presets.models import ModelPreset
from presets.shipped import Shipped, all_shipped


def seed(*, reset: bool) -> int:
    """Publish what is missing and renew what nobody has changed; with `reset` put all back. Return how many."""
    rows = {row.slug: row for row in ModelPreset.objects.published()}
    written = 0
    for shipped in all_shipped():
        row = rows.get(shipped.slug)
        if row is None:
            ModelPreset.objects.create(slug=shipped.slug, **_values(shipped))
        elif reset or (row.shipped_version is not None and row.shipped_version < shipped.version):
            _renew(row, shipped)
        else:
            continue
        written += 1
    standing.forget()
    return written


def _renew(row: ModelPreset, shipped: Shipped) -> None:
    for name, value in _values(shipped).items():
        setattr(row, name, value)
    row.version += 1
    row.save()


def _values(shipped: Shipped) -> dict[str, Any]:
    return {
        "name": shipped.name,
        "description": shipped.description,
        "system_prompt": shipped.system_prompt,
        "temperature": shipped.temperature,
        "model": "",
        "fallback_models": None,
        "routing_strategy": "",
        "top_p": None,
        "max_tokens": None,
        "web_search": False,
        "web_search_options": None,
        "shipped_version": shipped.version,
    }
