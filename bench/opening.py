"""What does opening a turn cost (quota, two messages, turn, hold) beside a view that only knows who asks?"""

from __future__ import annotations

from bench import load
from bench.load import Target
from bench.machine import cpu_seconds
from bench.product import POSTGRES, SQLITE, Product
from bench.report import Row, at_least, row
from bench.stage import Scale, Stage
from bench.upstream import question

CLIENTS = 50
GOALS = {SQLITE: 0.45, POSTGRES: 0.33}


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Measure both views on each database; and a whole turn of one token, for comparison."""
    rows = []
    for database in scale.databases:
        product = stage.product(database)
        people = product.sign_in(CLIENTS)
        with (
            stage.another(database, door="bare") as bare,
            stage.another(database, door="usual") as usual,
            stage.another(database, door="opening") as opening,
        ):
            targets = {
                "JWT only, no middleware": view(bare, "/api/v1/known", people),
                "JWT only, Django's seven": view(usual, "/api/v1/known", people),
                "turn opened": view(opening, "/api/v1/opened", people, body=True),
                "whole turn of one token": view(product, "/api/v1/chat", people, body=True),
            }
            found = await rates(targets, scale)
        rows += [row(f"requests per CPU s, {database}: {name}", runs) for name, runs in found.items()]
        for name, goal in (("JWT only, no middleware", GOALS[database]), ("JWT only, Django's seven", None)):
            shares = [ours / theirs for ours, theirs in zip(found["turn opened"], found[name], strict=True)]
            aim = {"goal": f">= {goal:.0%}", "holds": at_least(goal)} if goal else {}
            rows.append(row(f"  turn opened / {name}, {database}", shares, "{:.0%}", **aim))
    return rows


def view(product: Product, path: str, people: list[str], *, body: bool = False) -> Target:
    """Return one view as something to call."""
    return Target(path, product.port, path, product.pid, tokens=people, method="POST" if body else "GET")


async def rates(targets: dict[str, Target], scale: Scale) -> dict[str, list[float]]:
    """Return requests per CPU second of each target, one figure for each run."""
    message = question(tokens=1, pause_ms=0)
    for target in targets.values():
        await load.call(target, message, clients=CLIENTS, seconds=0.5)
    found: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(scale.runs):
        for name, target in targets.items():
            before = cpu_seconds(target.pid)
            answered = await load.call(target, message, clients=CLIENTS, seconds=scale.seconds)
            found[name].append(answered / max(cpu_seconds(target.pid) - before, 0.01))
    return found
