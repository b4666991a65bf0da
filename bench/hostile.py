"""What do ordinary people notice while others read nothing, trickle their requests and flood their sockets?

The server that is shipped (`python -m wisqu.serve`) on PostgreSQL with Redis, on a core of its own. A calm group asks
and lists its conversations before, during and after; the attackers are processes of `bench.attackers`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench import load
from bench.load import Target
from bench.machine import MEASURED, OTHERS, ROOT, cpu_seconds, on_core, resident_kb
from bench.outages import served_as_deployed
from bench.product import POSTGRES, Product
from bench.report import Row, at_most, row
from bench.stage import QUICK, Scale, Stage
from bench.upstream import question
from tools.processes import Family

WARM_UP = 12
CALM = 8
# Calm is who leaves most of the core free: what attackers cost would else be a queue that was there before.
PAUSE_S = 1.0
PEOPLE = 20  # who flood
STREAM = {"stream": True}
# Closed for saying too much, by the server (1008, 1009) and by the product (4429), or for answering no ping (1011).
CLOSED = (1008, 1009, 1011, 4429)


@dataclass(frozen=True)
class Crowd:
    """How many of each, and for how many seconds the calm group is watched."""

    deaf: int
    slow: int
    sockets: int
    calm_s: float
    attacked_s: float


LARGE = Crowd(deaf=200, slow=500, sockets=500, calm_s=20.0, attacked_s=60.0)
SMALL = Crowd(deaf=20, slow=50, sockets=100, calm_s=4.0, attacked_s=26.0)


@dataclass
class Waited:
    """How long the calm group waited, in milliseconds."""

    tokens: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    failures: int = 0

    @property
    def p95(self) -> tuple[float, float]:
        return load.percentile(self.tokens, 95), load.percentile(self.requests, 95)


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Watch the calm group without attackers, with them, and without them again."""
    crowd = SMALL if scale is QUICK else LARGE
    with Family() as family:
        served, _ = served_as_deployed(family, stage.product(POSTGRES), cores=MEASURED)
        everybody = served.chat(CALM + max(PEOPLE, crowd.deaf)).tokens
        calm = Target("the calm group", served.port, "/api/v1/chat", fields=STREAM, tokens=everybody[:CALM])
        others = everybody[CALM:]
        before, after, attacked = Waited(), Waited(), Waited()
        await watch(calm, before, crowd.calm_s / 4)  # pools and caches are filled
        before = Waited()
        await watch(calm, before, crowd.calm_s)
        with attackers(served, "deaf", WARM_UP, others) as warm_up:
            await begun(warm_up, served)
            kb = resident_kb(served.pid)
            with attackers(served, "deaf", crowd.deaf, others) as deaf:
                await begun(deaf, served)
                each_kb = (resident_kb(served.pid) - kb) / crowd.deaf
                with (
                    attackers(served, "slow", crowd.slow, others) as slow,
                    attackers(served, "flood", crowd.sockets, others[:PEOPLE]) as flood,
                ):
                    await watch(calm, attacked, crowd.attacked_s)
                    trickled, flooded = told(slow), told(flood)
        await asyncio.sleep(2.0)
        await watch(calm, after, crowd.calm_s)
    return rows(crowd, each_kb, (before, after, attacked), trickled, flooded)


def rows(
    crowd: Crowd,
    each_kb: float,
    waited: tuple[Waited, Waited, Waited],
    trickled: dict[str, Any],
    flooded: dict[str, Any],
) -> list[Row]:
    """Return what came out."""
    before, after, attacked = waited
    alone = Waited(before.tokens + after.tokens, before.requests + after.requests)
    token, request = (during / quiet for during, quiet in zip(attacked.p95, alone.p95, strict=True))
    codes = closings(flooded["met"])
    zero: dict[str, Any] = {"goal": "0", "holds": at_most(0)}
    return [
        row(
            f"memory for each of {crowd.deaf} readers who never read",
            [each_kb],
            "{:.0f} kB",
            goal="<= 1,024 kB",
            holds=at_most(1024),
        ),
        row(
            f"{crowd.slow} who trickle a request: the longest life, s",
            [trickled["longest_s"]],
            "{:.1f}",
            goal="<= 30",
            holds=at_most(30),
        ),
        row("  of them cut off", [trickled["met"].get("cut", 0)]),
        row("sockets closed for flooding, or for answering no ping", [sum(codes[code] for code in CLOSED)]),
        row("  closed in any other way", [codes.total() - sum(codes[code] for code in CLOSED)], **zero),
        row("a calm group's first token, p95 without attackers, ms", [alone.p95[0]]),
        row("  with all of them, times", [token], "{:.2f}", goal="<= 1.5", holds=at_most(1.5)),
        row("its plain requests, p95 without attackers, ms", [alone.p95[1]]),
        row("  with all of them, times", [request], "{:.2f}", goal="<= 1.5", holds=at_most(1.5)),
        row("  questions and requests that failed", [sum(each.failures for each in waited)], **zero),
    ]


def closings(met: dict[str, int]) -> Counter[int]:
    """Return how often a socket was closed with each code; 0 for one that was cut without a word."""
    codes: Counter[int] = Counter()
    for kind, count in met.items():
        codes[int(kind.rpartition(" ")[2]) if ": " in kind else 0] += count
    return codes


async def watch(calm: Target, waited: Waited, seconds: float) -> None:
    """Let the calm group ask and look for so long."""
    until = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{calm.port}", trust_env=False) as client:
        await asyncio.gather(*(_one(calm, client, number, waited, until) for number in range(CALM)))


async def _one(calm: Target, client: httpx.AsyncClient, number: int, waited: Waited, until: float) -> None:
    reader = await load.connect(calm)
    headers = {"Authorization": f"Bearer {calm.token(number)}"}
    message = question(tokens=10, pause_ms=10)
    while time.monotonic() < until:
        try:
            answer = await reader.ask(calm.request(message, number))
            waited.tokens += load.first_token_ms([answer])
            began = time.monotonic()
            listed = await client.get("/api/v1/conversations?limit=20", headers=headers, timeout=30)
            listed.raise_for_status()
            waited.requests.append((time.monotonic() - began) * 1000)
        except (httpx.HTTPError, RuntimeError, TimeoutError):
            waited.failures += 1
            reader = await load.connect(calm)
        await asyncio.sleep(PAUSE_S)
    reader.transport.close()


@contextmanager
def attackers(
    served: Product, kind: str, count: int, tokens: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Have so many attackers of a kind, who are the people of these access tokens."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as known:
        json.dump(list(tokens), known)
        known.flush()
        arguments = ["-m", "bench.attackers", kind, str(served.port), str(count), known.name]
        with on_core(OTHERS), Family() as family:
            yield family.start(
                f"{kind} attackers", [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE
            )


async def begun(process: subprocess.Popen[bytes], served: Product) -> None:
    """Return once all have begun and the server has done what they asked for. Raises RuntimeError."""
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    if line.strip() != b"ready":
        raise RuntimeError("the attackers could not begin")
    await asyncio.sleep(4.0)  # they ask again for a while
    used = cpu_seconds(served.pid)
    for _ in range(15):
        await asyncio.sleep(1.0)
        now = cpu_seconds(served.pid)
        if now - used < 0.1:
            return
        used = now


def told(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """End the attackers and return what they met."""
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.read().splitlines()[-1])
    return found
