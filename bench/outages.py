"""What do people meet while PostgreSQL or Redis is away for half a minute, and while a process is replaced?"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import httpx

from bench import load
from bench.machine import OTHERS, start, wait_for
from bench.product import POSTGRES, Product, serve_again
from bench.report import Row, at_most, row
from bench.stage import QUICK, Scale, Stage
from bench.upstream import question
from tests.faults.line import Line, line_to, through
from tests.servers import free_port
from tools.processes import Family

AWAY_S, STREAMS = 30.0, 100
ASKERS = 8


@dataclass
class Seen:
    """What a crowd of askers met: statuses with how long each took, in seconds."""

    answers: list[tuple[int, float]]
    back_s: float = 0.0

    def count(self, *statuses: int) -> int:
        return sum(status not in statuses for status, _ in self.answers)

    @property
    def slowest(self) -> float:
        return max(took for _, took in self.answers)


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Cut one line after the other, then replace a process under its readers."""
    away_s = 3.0 if scale is QUICK else AWAY_S
    product = stage.product(POSTGRES)
    database = await outage(product, "DATABASE_URL", away_s)
    redis = await outage(product, "REDIS_URL", away_s)
    lost, took = await replaced(product)
    zero = {"goal": "0", "holds": at_most(0)}
    return [
        row(f"PostgreSQL away for {away_s:.0f} s: answers other than 503", [database.count(503)], **zero),
        row("  the slowest of them, s", [database.slowest], "{:.1f}"),
        row("  back within, s", [database.back_s], "{:.1f}", goal="<= 10", holds=at_most(10)),
        row(f"Redis away for {away_s:.0f} s: questions that were not answered", [redis.count(200)], **zero),
        row("  the slowest answer, s", [redis.slowest], "{:.1f}"),
        row(f"a process replaced under {STREAMS} streams: answers lost", [lost], **zero),
        row("  the old process gone within, s", [took], "{:.1f}", goal="<= 30", holds=at_most(30)),
    ]


async def outage(product: Product, variable: str, away_s: float) -> Seen:
    """Serve the product over a line to what the variable names, cut it for a while, and ask all the time."""
    line = line_to(product.env[variable])
    with Family() as family:
        env = {variable: through(product.env[variable], line)}
        served = serve_again(family, product, env=env)
        tokens = product.sign_in(ASKERS)
        async with asking(served, tokens) as once:
            await asyncio.gather(*(once(token) for token in tokens))
            seen = await cut(line, away_s, once, tokens)
    line.close()
    return seen


Once = Callable[[str], "asyncio.Future[tuple[int, float]]"]


@asynccontextmanager
async def asking(served: Product, tokens: list[str]) -> AsyncIterator[Once]:
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{served.port}", trust_env=False, timeout=60
    ) as client:

        async def once(token: str) -> tuple[int, float]:
            began = time.monotonic()
            message = question(tokens=5, pause_ms=0)
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.post("/api/v1/chat", json={"message": message}, headers=headers)
            return answer.status_code, time.monotonic() - began

        yield lambda token: asyncio.ensure_future(once(token))


async def cut(line: Line, away_s: float, once: Once, tokens: list[str]) -> Seen:
    seen = Seen([])
    line.cut()
    until = time.monotonic() + away_s

    async def go_on(token: str) -> None:
        while time.monotonic() < until:
            seen.answers.append(await once(token))
            await asyncio.sleep(0.2)

    await asyncio.gather(*(go_on(token) for token in tokens))
    line.mend()
    mended = time.monotonic()
    while (await once(tokens[0]))[0] != 200:
        await asyncio.sleep(0.1)
    seen.back_s = time.monotonic() - mended
    return seen


async def replaced(product: Product) -> tuple[float, float]:
    """Read a hundred streams, tell their process to end, and return how many were not whole, and how long it took."""
    with Family() as family:
        old, process = served_as_deployed(family, product)
        served_as_deployed(family, product)
        tokens = 400
        target = replace(old.chat(STREAMS), fields={"stream": True})
        reading = [
            asyncio.create_task(read(target, question(tokens=tokens, pause_ms=10), number))
            for number in range(STREAMS)
        ]
        await asyncio.sleep(2)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        answers = await asyncio.gather(*reading)
        with suppress(TimeoutError):
            await asyncio.to_thread(process.wait, 60)
        return STREAMS - load.whole(answers, tokens), time.monotonic() - began


async def read(target: load.Target, message: str, number: int) -> load.Answer:
    reader = await load.connect(target)
    return await asyncio.wait_for(reader.begin(target.request(message, number)), load.LASTS_AT_MOST_S)


def served_as_deployed(
    family: Family, product: Product, *, cores: set[int] = OTHERS
) -> tuple[Product, subprocess.Popen[bytes]]:
    """Start the server that is shipped on the product's database."""
    port = free_port()
    env = {**product.env, "PORT": str(port)}
    process = start(family, "the deployed web server", ["-m", "wisqu.serve"], cores=cores, env=env)
    wait_for(f"http://127.0.0.1:{port}/api/v1/health/live", process)
    return replace(product, pid=process.pid, port=port), process
