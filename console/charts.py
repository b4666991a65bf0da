"""Charts as drawings of the server's own: lines and bars as SVG, with the numbers that they show as a table behind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.formats import date_format

# The drawing's own units; the page stretches it. Lines keep their width (`vector-effect`).
WIDTH, HEIGHT = 1000, 220
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Line:
    """One series as it is drawn: its name, a kind ("bars", or a line's colour), its values as text, and the path."""

    name: str
    kind: str
    shown: list[str]
    path: str
    area: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A level with its label, by which heights are read."""

    y: str
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing and the table behind it: `rows` holds each day with the value of every line."""

    id: str
    title: str
    summary: str
    lines: list[Line]
    marks: list[Mark]
    rows: list[tuple[str, list[str]]]
    first: str = ""
    last: str = ""
    zero: str = ""
    xs: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.lines


@dataclass(frozen=True, slots=True)
class Series:
    """What is to be drawn: a name, a kind, the values, and how one is written."""

    name: str
    kind: str
    values: Sequence[Any]
    write: Any


def draw(chart_id: str, title: str, days: Sequence[date], series: Sequence[Series], *, summary: str) -> Chart:
    """Return the chart of the series over the days. Values that are None are gaps, shown as a dash."""
    numbers = [[None if value is None else float(value) for value in each.values] for each in series]
    known = [value for values in numbers for value in values if value is not None]
    labels = [date_format(day, "MONTH_DAY_FORMAT") for day in days]
    rows = [(label, [_written(each, number) for each in series]) for number, label in enumerate(labels)]
    if not any(known):
        return Chart(chart_id, title, summary, [], [], rows)
    low, high, step = scale(min(0.0, *known), max(known))
    places = _places(len(days))
    lines: list[Line] = []
    for each, values in zip(series, numbers, strict=True):
        is_bars = each.kind == "bars"
        path = _bars(values, places, low, high) if is_bars else _path(values, places, low, high)
        area = "" if is_bars else _area(path, places, values, low, high)
        shown = [row[1][len(lines)] for row in rows]
        lines.append(Line(each.name, each.kind, shown, path, area))
    marks, level = [], low
    while level <= high + step / 1000:
        marks.append(Mark(_text(_y(level, low, high)), series[0].write(level)))
        level += step
    return Chart(
        chart_id, title, summary, lines, marks, rows, labels[0], labels[-1],
        _text(_y(0, low, high)), [_text(place / WIDTH * 100) for place in places],
    )  # fmt: skip


def scale(low: float, high: float) -> tuple[float, float, float]:
    """Return bounds of round numbers around the values, and the step between about four marks."""
    span = (high - low) or 1.0
    size = 1.0
    while span / size > 10:
        size *= 10
    while span / size <= 1:
        size /= 10
    step = next(each * size / 2 for each in STEPS if span / (each * size / 2) <= 4)
    bottom = step * math.floor(low / step)
    top = step * math.ceil(high / step)
    return bottom, max(top, bottom + step), step


def _written(series: Series, number: int) -> str:
    value = series.values[number]
    return "–" if value is None else str(series.write(value))


def _places(count: int) -> list[float]:
    if count == 1:
        return [WIDTH / 2]
    return [number * WIDTH / (count - 1) for number in range(count)]


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - (value - low) / (high - low) * HEIGHT


def _path(values: Sequence[float | None], places: Sequence[float], low: float, high: float) -> str:
    """Return the line through the values; after a gap it begins anew, and one value alone is a short stroke."""
    parts, is_down = [], False
    for number, (value, place) in enumerate(zip(values, places, strict=True)):
        if value is None:
            is_down = False
            continue
        point = f"{_text(place)} {_text(_y(value, low, high))}"
        parts.append(f"L{point}" if is_down else f"M{point}")
        follows = number + 1 < len(values) and values[number + 1] is not None
        if not is_down and not follows:
            parts.append("h6")
        is_down = True
    return "".join(parts)


def _bars(values: Sequence[float | None], places: Sequence[float], low: float, high: float) -> str:
    """Return a bar for each value, half as wide as the days are apart."""
    half = WIDTH / max(len(values), 2) / 4
    ground = _text(_y(max(low, 0), low, high))
    return "".join(
        f"M{_text(place - half)} {ground}V{_text(_y(value, low, high))}H{_text(place + half)}V{ground}Z"
        for value, place in zip(values, places, strict=True)
        if value
    )


def _area(path: str, places: Sequence[float], values: Sequence[float | None], low: float, high: float) -> str:
    """Return the surface under a line without gaps."""
    if None in values or len(values) < 2:
        return ""
    ground = _text(_y(max(low, 0), low, high))
    return f"{path}L{_text(places[-1])} {ground}L{_text(places[0])} {ground}Z"


def _text(number: float) -> str:
    """Return a coordinate as SVG takes it, whatever the page's language."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
