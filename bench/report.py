"""What was measured, against what was to be reached: one table for people, one JSON file for programs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.machine import ROOT

RESULTS = ROOT / "bench" / "results"


@dataclass(frozen=True)
class Row:
    """One measure: the median of its runs, written with `form`. `is_met` is None where nothing is to be reached."""

    measure: str
    figure: str
    goal: str
    is_met: bool | None
    runs: tuple[float, ...]


def row(
    measure: str,
    runs: Sequence[float],
    form: str = "{:,.0f}",
    *,
    goal: str = "",
    holds: Callable[[float], bool] | None = None,
) -> Row:
    """Return the row of a measure from its figure in each run."""
    value = median(runs)
    return Row(measure, form.format(value), goal, holds(value) if holds else None, tuple(runs))


def at_least(goal: float) -> Callable[[float], bool]:
    """Return the test of a figure that should be large."""
    return lambda value: value >= goal


def at_most(goal: float) -> Callable[[float], bool]:
    """Return the test of a figure that should be small."""
    return lambda value: value <= goal


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text in columns."""
    words = {True: "yes", False: "NO", None: ""}
    lines = [("measure", "figure", "to reach", "reached")]
    lines += [(each.measure, each.figure, each.goal, words[each.is_met]) for each in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    ruled = [lines[0], tuple("-" * width for width in widths), *lines[1:]]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in ruled
    )


def save(rows: Sequence[Row], *, mode: str) -> Path:
    """Write the rows with where and when they were measured; return the file."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    facts = {
        "at": now.isoformat(timespec="seconds"),
        "commit": commit,
        "mode": mode,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
    }
    path.write_text(json.dumps(facts | {"rows": [asdict(each) for each in rows]}, indent=1) + "\n")
    return path
