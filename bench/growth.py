"""Does anything get dearer as work grows: many streams, long conversations, long lists?"""

from __future__ import annotations

from dataclasses import replace

from bench import load
from bench.load import Target
from bench.machine import OTHERS, cpu_seconds, found_by
from bench.product import SQLITE, Product
from bench.report import Row, at_most, row
from bench.stage import Scale, Stage
from bench.streaming import run
from bench.upstream import question

# What counts as flat: the largest may cost half as much again as the smallest.
FLAT = 1.5


async def streams(stage: Stage, scale: Scale) -> list[Row]:
    """The cost of a token from 1 to 500 streams; and 500 streams lose nothing."""
    target = stage.product(SQLITE).chat(500)
    await run(target, readers=5, tokens=20, pause_ms=10)
    costs, whole = [], []
    for _ in range(scale.runs):
        # As many tokens each time, so that opening and closing turns weigh alike: one after the other, or at once.
        one = await run(target, readers=1, rounds=5, tokens=scale.tokens, pause_ms=2)
        many = await run(target, readers=500, tokens=scale.tokens, pause_ms=100)
        costs.append(one.tokens_per_cpu_s / many.tokens_per_cpu_s)
        whole.append(many.answers - many.whole)
    return [
        row("500 streams: answers with text lost or doubled", whole, goal="0", holds=at_most(0)),
        row("  CPU of a token, 500 streams / 1 stream", costs, "{:.2f} x", goal="flat", holds=at_most(FLAT)),
    ]


async def conversations(stage: Stage, scale: Scale) -> list[Row]:
    """The cost of a question after 50 messages and after 2,000, and of a list's page of 10 and of 100,000."""
    product = stage.product(SQLITE)
    made = make(product)
    with stage.another(SQLITE, door="opening") as opening:
        questions = [
            Target(
                "", opening.port, "/api/v1/opened", opening.pid, {"conversation_id": each}, [made["token"]]
            )
            for each in (made["short"], made["long"])
        ]
        asked = [await cost_ratio(questions, scale, clients=1) for _ in range(scale.runs)]
    pages = [
        Target("", product.port, "/api/v1/conversations?limit=10", product.pid, tokens=[token], method="GET")
        for token in (made["few"], made["many"])
    ]
    listed = [await cost_ratio(pages, scale, clients=4) for _ in range(scale.runs)]
    path = f"/api/v1/conversations/{made['short']}/messages?limit=10"
    page = Target("", product.port, path, product.pid, tokens=[made["token"]], method="GET")
    both = [page, replace(page, path=path.replace(made["short"], made["long"]))]
    read = [await cost_ratio(both, scale, clients=4) for _ in range(scale.runs)]
    flat = {"goal": "flat", "holds": at_most(FLAT)}
    return [
        row("  CPU of a question after 2,000 messages / after 50", asked, "{:.2f} x", **flat),
        row("  CPU of a page of 2,000 messages / of 50", read, "{:.2f} x", **flat),
        row("  CPU of a page of 100,000 conversations / of 10", listed, "{:.2f} x", **flat),
    ]


async def cost_ratio(targets: list[Target], scale: Scale, *, clients: int) -> float:
    """Return how much dearer a request to the second target is than one to the first."""
    costs = []
    for target in targets:
        before = cpu_seconds(target.pid)
        message = question(tokens=1, pause_ms=0)
        answered = await load.call(target, message, clients=clients, seconds=scale.seconds)
        costs.append((cpu_seconds(target.pid) - before) / max(answered, 1))
    return costs[1] / costs[0]


def make(product: Product) -> dict[str, str]:
    """Fill the database with long and short things; return their ids and access tokens."""
    found: dict[str, str] = found_by("bench.crowd", env=product.env, cores=OTHERS)
    return found
