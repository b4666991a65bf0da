"""From sums to figures: whole numbers to money, names of models to their ids, rows to groups of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from analytics.sums import PICO
from presets import catalogue


def usd(pico: int) -> Decimal:
    """Return the amount in USD of a sum that is kept as a whole number; exact."""
    return Decimal(pico) / PICO


def id_of(model: str) -> str:
    """Return the id of a model for its dated name, or for the name of one that it took the place of."""
    known = catalogue.get(model)
    return known.id if known else model


def added(rows: Iterable[tuple[Any, Mapping[str, Any]]], columns: Sequence[str]) -> dict[Any, dict[str, int]]:
    """Return the columns added up for each key; a row that lacks one adds nothing to it."""
    found: dict[Any, dict[str, int]] = {}
    for key, row in rows:
        sums = found.setdefault(key, dict.fromkeys(columns, 0))
        for name in columns:
            sums[name] += row.get(name, 0)
    return found


def merged(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the columns of each model, with all names that it goes by."""
    return added(((id_of(row["model"]), row) for row in rows), columns)
