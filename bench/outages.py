"""What do people meet while PostgreSQL or Redis is away for half a minute, and while Redis is emptied under them?"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
from redis.asyncio import Redis

from bench.machine import OTHERS, start, wait_for
from bench.product import POSTGRES, Product, serve_again
from bench.report import Row, at_most, row
from bench.stage import QUICK, Scale, Stage
from bench.upstream import question
from tests.faults.line import Line, line_to, through
from tests.servers import free_port
from tools.processes import Family

AWAY_S = 30.0
ASKERS = 8
EMPTIED_EVERY_S = 0.2
ZERO = {"goal": "0", "holds": at_most(0)}
SOON = {"goal": "<= 1", "holds": at_most(1)}


@dataclass
class Seen:
    """What a crowd of askers met: statuses with how long each took, in seconds."""

    answers: list[tuple[int, float]] = field(default_factory=list)
    back_s: float = 0.0
    miscounted: int = 0  # people whose messages are not counted as they were answered

    def other_than(self, *statuses: int) -> int:
        """Return how many answers had another status."""
        return sum(status not in statuses for status, _ in self.answers)

    @property
    def slowest_s(self) -> float:
        """How long the longest wait was."""
        return max(took for _, took in self.answers)

    def rows(self, what: str, wrong: int, *, is_of_database: bool = False) -> list[Row]:
        """Return what is told of every outage. Without the database a request waits for it before it is refused."""
        return [
            row(f"{what}, of {len(self.answers):,}", [wrong], **ZERO),
            row("  the slowest of them, s", [self.slowest_s], "{:.2f}", **({} if is_of_database else SOON)),
            row("  back within, s", [self.back_s], "{:.1f}", goal="<= 10", holds=at_most(10)),
            row("  people whose messages are counted wrongly", [self.miscounted], **ZERO),
        ]


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Cut one line after the other, then empty Redis under load."""
    away_s = 3.0 if scale is QUICK else AWAY_S
    product = stage.product(POSTGRES)
    database = await outage(product, "DATABASE_URL", away_s)
    redis = await outage(product, "REDIS_URL", away_s)
    emptied = await flushed(product, away_s / 3)
    return [
        *database.rows(
            f"PostgreSQL away for {away_s:.0f} s: not 503", database.other_than(503), is_of_database=True
        ),
        *redis.rows(f"Redis away for {away_s:.0f} s: not answered", redis.other_than(200)),
        *emptied.rows(f"Redis emptied for {away_s / 3:.0f} s: not answered", emptied.other_than(200)),
    ]


Once = Callable[[str], Awaitable[tuple[int, float]]]
Crowd = Callable[[float], Awaitable[None]]


async def outage(product: Product, variable: str, away_s: float) -> Seen:
    """Serve the product over a line to what the variable names, cut it for a while, and ask all the time."""
    line = line_to(product.env[variable])
    with Family() as family:
        served = serve_again(family, product, env={variable: through(product.env[variable], line)})
        seen = await _met(served, lambda crowd: _without(line, crowd, away_s))
    line.close()
    return seen


async def _without(line: Line, crowd: Crowd, away_s: float) -> None:
    line.cut()
    await crowd(away_s)
    line.mend()


async def flushed(product: Product, lasts_s: float) -> Seen:
    """Empty Redis again and again under people who chat."""
    redis = Redis.from_url(product.env["REDIS_URL"])

    async def empty() -> None:
        while True:
            await redis.flushall()
            await asyncio.sleep(EMPTIED_EVERY_S)

    async def trouble(crowd: Crowd) -> None:
        emptying = asyncio.create_task(empty())
        await crowd(lasts_s)
        emptying.cancel()

    with Family() as family:
        seen = await _met(serve_again(family, product), trouble)
    await redis.aclose()
    return seen


async def _met(served: Product, trouble: Callable[[Crowd], Awaitable[None]]) -> Seen:
    """Let people ask before, during and after the trouble; return what they met while it lasted."""
    seen = Seen()
    tokens = served.sign_in(ASKERS)
    async with asking(served) as (once, used):
        before = [await used(token) for token in tokens]
        answered = [int((await once(token))[0] == 200) for token in tokens]

        async def crowd(lasts_s: float) -> None:
            until = time.monotonic() + lasts_s

            async def go_on(number: int) -> None:
                while time.monotonic() < until:
                    seen.answers.append(await once(tokens[number]))
                    answered[number] += seen.answers[-1][0] == 200
                    await asyncio.sleep(0.2)

            await asyncio.gather(*map(go_on, range(ASKERS)))

        await trouble(crowd)
        mended = time.monotonic()
        while (await once(tokens[0]))[0] != 200:
            await asyncio.sleep(0.1)
        answered[0] += 1
        seen.back_s = time.monotonic() - mended
        seen.miscounted = await _miscounted(used, tokens, before, answered)
    return seen


async def _miscounted(
    used: Callable[[str], Awaitable[int]], tokens: Sequence[str], before: list[int], answered: list[int]
) -> int:
    after = [await used(token) for token in tokens]
    return sum(new - old != count for old, new, count in zip(before, after, answered, strict=True))


@asynccontextmanager
async def asking(served: Product) -> AsyncIterator[tuple[Once, Callable[[str], Awaitable[int]]]]:
    """Give two ways to ask as the owner of a token: a question, and how many messages are used."""
    address = f"http://127.0.0.1:{served.port}/api/v1"
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:

        async def once(token: str) -> tuple[int, float]:
            began = time.monotonic()
            message = question(tokens=5, pause_ms=0)
            answer = await client.post("/chat", json={"message": message}, headers=_signed(token))
            return answer.status_code, time.monotonic() - began

        async def used(token: str) -> int:
            answer = await client.get("/subscriptions/usage", headers=_signed(token))
            count: int = answer.json()["messages"]["used"]
            return count

        yield once, used


def _signed(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def served_as_deployed(
    family: Family, product: Product, *, cores: set[int] = OTHERS
) -> tuple[Product, subprocess.Popen[bytes]]:
    """Start the server that is shipped on the product's database."""
    port = free_port()
    env = {**product.env, "PORT": str(port)}
    process = start(family, "the deployed web server", ["-m", "wisqu.serve"], cores=cores, env=env)
    wait_for(f"http://127.0.0.1:{port}/api/v1/health/live", process)
    return replace(product, pid=process.pid, port=port), process
