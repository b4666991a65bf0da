"""The five measures of use, as one value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

# Far above any real use and far below what a 64-bit column takes, so that sums can't overflow either.
LARGEST = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How much of each measure; whole numbers, never negative. Raises ValueError for anything else."""

    messages: int = 0
    tokens: int = 0
    images: int = 0
    documents: int = 0
    audio_seconds: int = 0

    def __post_init__(self) -> None:
        for measure in MEASURES:
            amount = getattr(self, measure)
            if not isinstance(amount, int) or not 0 <= amount <= LARGEST:
                raise ValueError(f"{measure} must be a whole number from 0 to {LARGEST}, not {amount!r}")

    def items(self) -> Iterator[tuple[str, int]]:
        """Yield each measure that is not zero, with its amount."""
        for measure in MEASURES:
            if amount := getattr(self, measure):
                yield measure, amount


MEASURES = tuple(field.name for field in fields(Amounts))
NOTHING = Amounts()
