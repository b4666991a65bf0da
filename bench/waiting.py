"""Do two hundred images that wait for a worker keep a chat's first token waiting?"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace

import httpx

from bench.machine import OTHERS, start, wait_for
from bench.product import POSTGRES, SQLITE, Product, serve
from bench.report import Row, at_most, row
from bench.stage import QUICK, Scale, Stage
from tests.servers import free_port
from tools.processes import Family
from tools.supervisor import WORKER_OPTIONS

IMAGES, A_WISH = 200, 4
QUESTIONS = 60
LONGER = 20.0  # per cent


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Measure the first token with nothing to do, then while images wait and are made."""
    database = SQLITE if scale is QUICK else POSTGRES
    with Family() as family:
        port = free_port()
        sandbox = start(family, "the sandbox", ["-m", "wisqu.sandbox", "--port", str(port)], cores=OTHERS)
        wait_for(f"http://127.0.0.1:{port}/sandbox/", sandbox)
        folder = stage.folder / "waiting"
        product = serve(family, folder, database=database, upstream_port=port)
        env = {**product.env, "FILE_STORAGE_URL": f"file://{folder}/files"}
        worker = ["-m", "celery", "-A", "wisqu.celery", "-q", "worker", *WORKER_OPTIONS]
        start(family, "the worker", worker, cores=OTHERS, env=env)
        alone, busy, left = await measure(replace(product, env=env))
    more = 100 * (busy / alone - 1)
    goal = {"goal": f"<= {LONGER:.0f} %", "holds": at_most(LONGER)}
    return [
        row(f"first token on {database}, nothing to do, ms", [alone], "{:.1f}"),
        row(f"  with {IMAGES} images waiting, ms", [busy], "{:.1f}"),
        row("  longer by, %", [more], "{:.0f}", **goal),
        row("  images that still waited at the end", [left]),
    ]


async def measure(product: Product) -> tuple[float, float, int]:
    """Return the median first token before and while images wait, in ms, and how many then still do."""
    headers = {"Authorization": f"Bearer {product.sign_in(1)[0]}"}
    base = f"http://127.0.0.1:{product.port}/api/v1"
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        await first_tokens(client, 10)  # pools and caches are there
        alone = statistics.median(await first_tokens(client, QUESTIONS))
        for number in range(IMAGES // A_WISH):
            wish = {"prompt": f"star {number}", "n": A_WISH}
            (await client.post("/images/generate", json=wish)).raise_for_status()
        busy = statistics.median(await first_tokens(client, QUESTIONS))
        left = 0
        for status in ("queued", "running"):
            page = (await client.get("/images/history", params={"status": status, "limit": 100})).json()
            left += len(page["results"])
    return alone, busy, left


async def first_tokens(client: httpx.AsyncClient, count: int) -> list[float]:
    """Ask one question after the other; return what each waited for its first word, in ms."""
    waits = []
    for number in range(count):
        body = {"message": f"[[pace:fast]] [[words:3]] Question {number}.", "stream": True}
        began = time.perf_counter()
        async with client.stream("POST", "/chat", json=body) as answer:
            async for line in answer.aiter_lines():
                if '"type":"content"' in line:
                    waits.append(1000 * (time.perf_counter() - began))
                    break
        await asyncio.sleep(0.02)
    return waits
