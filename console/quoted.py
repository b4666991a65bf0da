"""The start page's part about quotations: how many answers quote the Qur'an, how rightly, and under what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from analytics import reports
from analytics.reports import Days, Granularity, QuotationFigures, QuotationReport
from chat.attempts import OWN_PRESETS
from chat.notes import labels
from console import charts
from console.charts import Chart, Series
from console.writing import percent, whole
from presets import catalogue
from presets.models import ModelPreset

MOST_ROWS = 8
# Each figure of the report with the name of its label and how it is drawn; what is not drawn stands in the tables.
FINDINGS = {
    "genuine": ("genuine", "accent"),
    "cut": ("cut", "gold"),
    "altered": ("altered", "danger"),
    "not_found": ("unknown", "bars"),
    "impossible": ("impossible", ""),
}


def part(days: Days) -> dict[str, Any]:
    """Return what the page tells of the checks of these days: two charts, and rows by model and by preset."""
    by = Granularity.DAY if days.count <= 120 else Granularity.WEEK
    report = reports.quotation_checks(days, granularity=by)
    names, preset_names = labels(), _preset_names()
    return {
        "charts": [_shares(report), _verdicts(report)],
        "columns": [names[label] for label, _kind in FINDINGS.values()],
        "groups": [
            {"key": "model", "name": _("Model"), "rows": _rows(report.models, _model_name)},
            {"key": "preset", "name": _("Preset"),
             "rows": _rows(report.presets, lambda each: preset_names.get(each.preset, each.preset))},
        ]
        if report.total.answers
        else [],
    }  # fmt: skip


def _shares(report: QuotationReport) -> Chart:
    title, total = _("Answers with quotations"), report.total
    drawn = Series(title, "accent", [each.quoting_share for each in report.days], percent)
    said = _("%(n)s of %(all)s") % {"n": whole(total.quoting), "all": whole(total.answers)}
    return charts.draw("quoting", title, _starts(report), [drawn], summary=said)


def _verdicts(report: QuotationReport) -> Chart:
    names = labels()
    drawn = [
        Series(names[label], kind, [getattr(each, name) for each in report.days], whole)
        for name, (label, kind) in FINDINGS.items()
        if kind
    ]
    counts = {names[label]: getattr(report.total, name) for name, (label, _kind) in FINDINGS.items()}
    said = " · ".join(f"{name}: {whole(count)}" for name, count in counts.items())
    return charts.draw("verdicts", _("Quotations from the Qur'an"), _starts(report), drawn, summary=said)


def _starts(report: QuotationReport) -> list[Any]:
    return [each.day for each in report.days]


def _rows(found: list[QuotationFigures], name: Callable[[QuotationFigures], str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name(each),
            "answers": each.answers,
            "quoting": each.quoting,
            "share": percent(each.quoting_share),
            "counts": [getattr(each, column) for column in FINDINGS],
        }
        for each in found[:MOST_ROWS]
    ]


def _model_name(each: QuotationFigures) -> str:
    known = catalogue.get(each.model)
    return known.name if known else each.model


def _preset_names() -> dict[str, str]:
    """Return how presets are called that are nobody's own; one that is gone goes by its slug."""
    published = dict(ModelPreset.objects.filter(owner=None).values_list("slug", "name"))
    return published | {"": _("No preset"), OWN_PRESETS: _("People's own presets")}
