"""Fills the catalogue from the list that the product ships with (`data/models.json` names its sources)."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from presets import catalogue, pricing
from presets.models import CatalogueModel

SHIPPED = Path(__file__).parent / "data" / "models.json"

# From this prompt price on, in USD a token, a model is one of the advanced ones: a dollar a million.
ADVANCED_FROM = Decimal("0.000001")


def seed(*, reset: bool) -> int:
    """Write the models that are missing, with `reset` also over those that exist; return how many."""
    written = 0
    for entry in json.loads(SHIPPED.read_text(encoding="utf-8"))["models"]:
        values = row_values(entry)
        if reset:
            fresh: dict[str, Any] = {"pinned": [], "accepted_prices": None}
            CatalogueModel.objects.update_or_create(slug=entry["id"], defaults=values | fresh)
            written += 1
        else:
            written += CatalogueModel.objects.get_or_create(slug=entry["id"], defaults=values)[1]
    catalogue.invalidate()
    return written


def row_values(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one entry of the list. A price that can't be is left out and blocks the model."""
    prices, overrides, blocked = pricing.Prices(), [], ""
    try:
        prices = pricing.read_prices(entry["pricing"])
        overrides = entry["pricing"].get("overrides", [])
        pricing.read_overrides(overrides, prices)
    except pricing.BadPrice as bad:
        prices, overrides, blocked = pricing.Prices(), [], str(bad)
    modes = set(CatalogueModel.CacheMode.values)
    mode = entry["cache"]["mode"]
    return {
        "canonical_slug": entry.get("canonical_slug", ""),
        "name": entry["name"],
        "context_length": entry["context_length"],
        "max_completion_tokens": entry["max_completion_tokens"],
        "input_modalities": entry["input_modalities"],
        "output_modalities": entry["output_modalities"],
        "supported_parameters": entry.get("supported_parameters", []),
        **{f"price_{name}": getattr(prices, name) for name in pricing.PRICE_NAMES},
        "overrides": overrides,
        "cache_mode": mode if mode in modes else CatalogueModel.CacheMode.NONE,
        "cache_min_tokens": entry["cache"]["min_tokens"],
        "advanced": (prices.prompt or Decimal(0)) >= ADVANCED_FROM,
        "is_listed": entry["status"] == "listed",
        "successor": entry.get("successor", ""),
        "blocked_reason": blocked,
    }
