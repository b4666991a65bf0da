"""How soon does somebody with 100,000 messages see the first results of a search?"""

from __future__ import annotations

import http.client
import time
from statistics import median

from bench.library import COMMON, MESSAGES, RARE, SOME
from bench.machine import OTHERS, found_by
from bench.product import Product
from bench.report import Row, at_most, row
from bench.stage import Scale, Stage

GOAL_MS = 100
QUERIES = {
    "a word in every message": COMMON,
    "its beginning": COMMON[:2],
    "a word in one of 100": SOME,
    "a word in 5": RARE,
    "two words": f"{COMMON} {SOME}",
    "no such word": "xyzzy",
}


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Measure the whole request, sign-in check and excerpts included, on each database."""
    rows = []
    for database in scale.databases:
        product = stage.product(database)
        token = fill(product)
        for name, query in QUERIES.items():
            took = [first_results_ms(product, token, query) for _ in range(scale.runs)]
            measure = f"first results of {MESSAGES:,} messages, {database}: {name}"
            rows.append(row(measure, took, "{:.0f} ms", goal=f"<= {GOAL_MS} ms", holds=at_most(GOAL_MS)))
    return rows


def fill(product: Product) -> str:
    """Make the messages in the product's database; return their owner's access token."""
    return str(found_by("bench.library", env=product.env, cores=OTHERS)["token"])


def first_results_ms(product: Product, token: str, query: str, *, times: int = 7) -> float:
    """Return the median time of a request for the first page."""
    path = f"/api/v1/conversations?limit=15&q={query.replace(' ', '%20')}"
    took = []
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)
    for _ in range(times):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
        took.append((time.perf_counter() - began) * 1000)
        if response.status != 200:
            raise RuntimeError(f"the search answered {response.status}")
    connection.close()
    return median(took)
