"""What does a decision about quota add to a turn, and counting against the minute to every request?"""

from __future__ import annotations

from statistics import quantiles

from bench.machine import MEASURED, found_by
from bench.product import POSTGRES, Product
from bench.report import Row, at_most, row
from bench.stage import Scale, Stage

DECISIONS = 2_000
GOAL_MS = 2.0
NAMES = {
    "decided": "quota decided and noted (a conditional update, an insert), p95 added",
    "counted": "request counted against its minute, p95 added",
}


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Time both on each database: the second counts in Redis beside PostgreSQL, in a file beside SQLite."""
    rows = []
    for database in scale.databases:
        product = stage.product(database)
        product.sign_in(50)
        runs = [decide(product) for _ in range(scale.runs)]
        for name, title in NAMES.items():
            p95 = [quantiles(each[name], n=20)[-1] for each in runs]
            aim = {"goal": f"<= {GOAL_MS:.0f} ms", "holds": at_most(GOAL_MS)} if database == POSTGRES else {}
            rows.append(row(f"{title}, {database}", p95, "{:.2f} ms", **aim))
    return rows


def decide(product: Product) -> dict[str, list[float]]:
    """Return the milliseconds of each decision, made in a process of its own on the product's database."""
    found: dict[str, list[float]] = found_by(
        "bench.decisions", str(DECISIONS), env=product.env, cores=MEASURED
    )
    return found
