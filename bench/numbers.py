"""How soon does staff see a report, when the ledger holds millions of entries of 100,000 people?

`BENCH_ROWS` says how many (a million; ten million take eight minutes to make). PostgreSQL only: nobody keeps a
business of that size in a file.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from statistics import quantiles

from bench import machine
from bench.business import PEOPLE, RANGES, ROWS
from bench.machine import OTHERS
from bench.product import POSTGRES, Product
from bench.report import Row, at_most, row
from bench.stage import Scale, Stage

GOAL_MS = 200
REPORTS = (
    "system-stats",
    "plan-distribution",
    "usage-trends",
    "top-users",
    "model-usage",
    "cache-performance",
)
ASKED = 20


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Measure whole requests, sign-in check and JSON included, for each report and range of days."""
    product = stage.product(POSTGRES)
    made = json.loads(run(product, []).splitlines()[-1])
    rows = [
        row(f"{ROWS:,} entries, {PEOPLE:,} people: sums built anew", [made["built_s"]], "{:.0f} s"),
        row("  sums compared with the ledger", [made["proven_s"]], "{:.0f} s"),
    ]
    for report in REPORTS:
        for days in RANGES:
            path = f"/api/v1/analytics/{report}?days={days}"
            p95 = [quantiles(asked(product, made["token"], path), n=20)[-1] for _ in range(scale.runs)]
            goal = {"goal": f"<= {GOAL_MS} ms", "holds": at_most(GOAL_MS)}
            rows.append(row(f"  {report}, {days} days, p95", p95, "{:.0f} ms", **goal))
    if os.environ.get("BENCH_PLANS"):
        print(run(product, ["plans"]))
    return rows


def run(product: Product, arguments: list[str]) -> str:
    """Run `bench.business` on the product's database; return what it said."""
    return machine.run("bench.business", *arguments, env=product.env, cores=OTHERS)


def asked(product: Product, token: str, path: str) -> list[float]:
    """Return the milliseconds of each of some requests, one after the other."""
    took = []
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=60)
    for _ in range(ASKED):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        body = response.read()
        took.append((time.perf_counter() - began) * 1000)
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {body[:200]!r}")
    connection.close()
    return took
