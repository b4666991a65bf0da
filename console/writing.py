"""How the console writes numbers, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.formats import number_format


def percent(rate: float | None) -> str:
    """Return a share in percent, to a tenth while it is small."""
    if rate is None:
        return "–"
    shown = 100 * rate
    return f"{shown:.1f} %" if 0 < abs(shown) < 10 else f"{shown:.0f} %"


def whole(value: Any) -> str:
    """Return a count with its thousands grouped; a mean of counts to a tenth."""
    return number_format(value, 0 if float(value).is_integer() else 1, force_grouping=True)
