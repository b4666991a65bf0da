"""What the checks of quotations found: in all, by model, by preset, over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analytics.books import Books, steadily
from analytics.days import Days, Granularity, step_of
from analytics.figures import added, id_of
from analytics.results import QuotationFigures, QuotationReport
from analytics.sums import QUOTATIONS

_COLUMNS = QUOTATIONS.columns


def quotation_checks(days: Days, *, granularity: Granularity = Granularity.DAY) -> QuotationReport:
    """Return what the checks of the days' answers found, with a step for each day, week or month of them."""
    return steadily(lambda books: _quotation_checks(books, days, granularity))


def _quotation_checks(books: Books, days: Days, granularity: Granularity) -> QuotationReport:
    of_days = books.sums(QUOTATIONS, days, _COLUMNS, by=("day",))
    rows = books.sums(QUOTATIONS, days, _COLUMNS, by=("model", "preset"))
    steps = added(((step_of(row["day"], granularity), row) for row in of_days), _COLUMNS)
    return QuotationReport(
        total=_figures(added((("", row) for row in of_days), _COLUMNS).get("", {})),
        models=_ranked(rows, "model"),
        presets=_ranked(rows, "preset"),
        days=[_figures(steps.get(step, {}), day=step) for step in days.steps(granularity)],
    )


def _ranked(rows: list[dict[str, Any]], by: str) -> list[QuotationFigures]:
    """Return the rows added up by a key, those that quoted most first."""
    name_of = id_of if by == "model" else str
    groups = added(((name_of(row[by]), row) for row in rows), _COLUMNS)
    found = [_figures(row, **{by: name}) for name, row in groups.items()]
    return sorted(found, key=lambda each: (-each.quotations, -each.answers, each.model, each.preset))


def _figures(row: Mapping[str, int], **of: Any) -> QuotationFigures:
    counts: dict[str, Any] = {name: row.get(name, 0) for name in _COLUMNS}
    return QuotationFigures(**of, **counts)
