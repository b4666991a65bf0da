"""How long turns took: percentiles of counts by millisecond. Nearest rank, so each is a value that was counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

PERCENTILES = (50, 95)


class Spread:
    """Counts of first tokens and of whole turns by how many milliseconds they took."""

    def __init__(self, rows: Iterable[Mapping[str, int]]) -> None:
        ordered = sorted(rows, key=lambda row: row["milliseconds"])
        self._first = [(row["milliseconds"], row["first_tokens"]) for row in ordered]
        self._total = [(row["milliseconds"], row["totals"]) for row in ordered]

    def figures(self) -> dict[str, Any]:
        """Return the percentiles under the names that results have for them; None where nothing was measured."""
        kinds = {"first_token": self._first, "total": self._total}
        return {
            f"{name}_p{percent}_ms": nearest_rank(counts, percent)
            for name, counts in kinds.items()
            for percent in PERCENTILES
        }


def nearest_rank(counts: list[tuple[int, int]], percent: int) -> int | None:
    """Return the least value that at least `percent` of all counted are at or below; `counts` are in order."""
    whole = sum(count for _, count in counts)
    reached = 0
    for value, count in counts:
        reached += count
        if count and 100 * reached >= percent * whole:
            return value
    return None
