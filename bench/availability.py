"""How many answers are whole when every model of a chain of three fails one time in ten?

The product's own producer asks over HTTP (`bench.failing`); `bench.unreliable` fails. Waiting is a tenth of what it is
in the product, or silence alone would take an hour; what a silent model costs is reported in the product's seconds.
`python -m bench.availability TURNS` prints the figures as JSON, in the environment of a served site.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import django
import uvloop

from bench.machine import MEASURED, OTHERS, found_by, start, wait_for
from bench.product import environment
from bench.report import RESULTS, Row, at_least, at_most, row
from bench.stage import QUICK, Scale, Stage
from tests.servers import free_port
from tools.processes import Family

SCALE = 10.0
SHARE = 0.1
# Each failure is a line of the log otherwise.
QUIET = {"LOG_LEVEL": "ERROR"}


async def ask(set_stage: Stage, scale: Scale) -> list[Row]:
    """Run it all in a process of its own, and report what came out."""
    found = measure(set_stage.folder / "availability", turns=1_000 if scale is QUICK else 10_000)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "availability.json").write_text(json.dumps(found, indent=1) + "\n")
    *others, (_, ours) = found.items()
    turns = ours["turns"]
    rows = [
        row(f"whole answers, {name}, %", [100 * each["whole"] / each["turns"]], "{:.2f}")
        for name, each in others
    ]
    whole = [100 * ours["whole"] / turns]
    return [
        *rows,
        row(f"whole answers of {turns:,}, %", whole, "{:.2f}", goal=">= 99.95", holds=at_least(99.95)),
        row("of them with text doubled, lost or changed", [ours["wrong"]], goal="0", holds=at_most(0)),
        row("a reader's longest pause grows by, next model asked, ms", [ours["added_when_broken_ms"]]),
        row("a reader's longest pause grows by, silent model, s", [ours["added_when_silent_s"]], "{:.0f}"),
    ]


def measure(folder: Path, *, turns: int) -> dict[str, Any]:
    """Return the figures of each policy: a fifth as many turns for those we don't use."""
    folder.mkdir(parents=True)
    with Family() as family:
        port = free_port()
        arguments = ["-m", "bench.unreliable", str(port), str(SHARE), "7"]
        process = start(family, "the unreliable upstream", arguments, cores=OTHERS)
        wait_for(f"http://127.0.0.1:{port}/", process)
        env = environment(folder, f"sqlite:///{folder}/none.sqlite3", port) | QUIET
        found: dict[str, Any] = found_by("bench.availability", str(turns), env=env, cores=MEASURED)
    return found


def main(turns: int) -> None:
    """Ask with each policy, and print the figures."""
    django.setup()
    from bench import failing

    many = {failing.ALONE: turns // 5, failing.LISTED: turns // 5, failing.OURS: turns}
    found = {
        policy: uvloop.run(failing.figures(policy, turns=count, scale=SCALE))
        for policy, count in many.items()
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
