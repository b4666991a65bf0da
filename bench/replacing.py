"""What do a hundred readers notice of a process that is replaced under them, as a rolling restart does it?

Two processes are served as deployed, and the first is told to end. Some answers end in the time that it has, some don't
and are handed on. A socket is told to connect anew (1012); whoever's stream ends before its answer does joins it again
at the process that is ready, as the page does. Visitors meanwhile are sent where a balancer would send them.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from bench import load
from bench.load import Target
from bench.machine import OTHERS, start, wait_for
from bench.outages import ZERO, served_as_deployed
from bench.product import POSTGRES, Product
from bench.report import Row, at_most, row
from bench.resuming import EventLine, SocketLine, connect, joining, text_of
from bench.stage import QUICK, Scale, Stage
from tests.servers import free_port
from tools.processes import Family

PAUSE_MS = 40
RESTARTED = 1012
GONE_WITHIN_S = 30.0


@dataclass(frozen=True)
class Plan:
    """How many read what: `words` of an answer that ends in time, of one that does not."""

    notice_s: int = 5
    grace_s: int = 20
    short: int = 200
    long: int = 1000
    streams: int = 40
    sockets: int = 40
    outliving: int = 20


HURRIED = Plan(notice_s=1, grace_s=5, short=100, long=300)


@dataclass
class Told:
    """What was seen: texts by what they should be, codes of sockets, statuses of visitors."""

    begun: int = 0
    lost: int = 0
    handed_on: int = 0
    codes: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    unready_s: float = 0.0
    gone_s: float = 0.0


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Replace a process under a hundred readers."""
    plan = HURRIED if scale is QUICK else Plan()
    told = await replaced(stage.product(POSTGRES), plan)
    streams = plan.streams + plan.sockets + plan.outliving
    return [
        row(f"a process replaced under {streams} readers: answers lost", [told.lost], **ZERO),
        row("  answers that outlived it, and were gone on with", [told.handed_on]),
        row("  sockets not told to connect anew", [sum(code != RESTARTED for code in told.codes)], **ZERO),
        row(f"  5xx of {len(told.statuses):,} requests", [sum(s >= 500 for s in told.statuses)], **ZERO),
        row("  not ready within, s", [told.unready_s], "{:.1f}", goal="<= 1", holds=at_most(1)),
        row("  gone within, s", [told.gone_s], "{:.1f}", goal="<= 30", holds=at_most(GONE_WITHIN_S)),
    ]


async def replaced(product: Product, plan: Plan) -> Told:
    """Read, tell the process to end, and follow each answer to its last word, wherever it is written."""
    told = Told()
    with Family() as family:
        env = {
            **product.env,
            **_environment(family, plan),
            "REDIS_URL": _of_our_own(product.env["REDIS_URL"]),
        }
        product = replace(product, env=env)
        old, process = served_as_deployed(family, product)
        new, _ = served_as_deployed(family, product)
        first = old.chat(plan.streams + plan.sockets + plan.outliving)
        second = replace(first, port=new.port)
        reading = [asyncio.create_task(each) for each in _readers(first, second, plan, told)]
        visiting = asyncio.create_task(_visit((first, second), told))
        while told.begun < len(reading):
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        leaving = asyncio.create_task(_watch(first, process, told))
        await asyncio.gather(*reading, leaving)
        visiting.cancel()
    return told


def _of_our_own(redis: str) -> str:
    """Return another database of the same Redis, so that the benchmark's own server takes nothing up."""
    return redis.rpartition("/")[0] + "/1"


def _environment(family: Family, plan: Plan) -> dict[str, str]:
    """Start the sandbox, whose models go on with an answer, and return how the product finds it."""
    port = free_port()
    process = start(family, "the sandbox", ["-m", "wisqu.sandbox", "--port", str(port)], cores=OTHERS)
    wait_for(f"http://127.0.0.1:{port}/sandbox/", process)
    return {
        "OPENROUTER_BASE_URL": f"http://127.0.0.1:{port}/api/v1",
        "SHUTDOWN_NOTICE_SECONDS": str(plan.notice_s),
        "SHUTDOWN_GRACE_SECONDS": str(plan.grace_s),
    }


def _readers(first: Target, second: Target, plan: Plan, told: Told) -> list[Any]:
    short = [_stream(first, second, number, plan.short, told) for number in range(plan.streams)]
    at = plan.streams
    sockets = [_socket(first, second, at + number, plan.short, told) for number in range(plan.sockets)]
    at += plan.sockets
    return [
        *short,
        *sockets,
        *(_stream(first, second, at + number, plan.long, told) for number in range(plan.outliving)),
    ]


def _question(words: int) -> str:
    return f"[[words:{words}]] [[pace:{PAUSE_MS}ms]]"


async def _stream(first: Target, second: Target, reader: int, words: int, told: Told) -> None:
    line = await connect(EventLine(first.request(_question(words), reader)), first)
    events = await _read(line, told)
    is_cut = events[-1]["type"] != "done"
    is_whole = await _is_whole_at_last(events, second, reader, words)
    told.lost += not is_whole
    told.handed_on += is_cut and is_whole


async def _socket(first: Target, second: Target, reader: int, words: int, told: Told) -> None:
    line = await connect(SocketLine(first, reader), first)
    await line.opened
    line.say({"type": "send", "message": _question(words)})
    events = await _read(line, told)
    if events[-1]["type"] != "done":
        told.codes.append(line.closing_code())
    told.lost += not await _is_whole_at_last(events, second, reader, words)


async def _read(line: Any, told: Told) -> list[dict[str, Any]]:
    while not line.events():
        await asyncio.sleep(0.05)
    told.begun += 1
    await asyncio.wait_for(line.ended, load.LASTS_AT_MOST_S)
    events: list[dict[str, Any]] = line.events()
    return events


async def _is_whole_at_last(events: list[dict[str, Any]], second: Target, reader: int, words: int) -> bool:
    """Join the answer again as often as its stream ends before it does; tell whether all of it came, once."""
    begun, tries = events[0], 0
    while events[-1]["type"] not in ("done", "error") and tries < 20:
        tries += 1
        request = joining(second, reader, begun["turn_id"], events[-1]["seq"])
        line = await connect(EventLine(request), second)
        await asyncio.wait_for(line.ended, load.LASTS_AT_MOST_S)
        events += line.events()
        await asyncio.sleep(0.1)
    whole = " ".join(f"w{number}" for number in range(1, words + 1))
    return bool(events[-1]["type"] == "done" and text_of(events) == whole)


async def _visit(targets: Sequence[Target], told: Told) -> None:
    """Come all the time, to every process that says it is ready."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        while True:
            for target in targets:
                if await _is_ready(client, target):
                    token = {"Authorization": f"Bearer {target.token(0)}"}
                    root = f"http://127.0.0.1:{target.port}/api/v1"
                    told.statuses.append((await client.get(f"{root}/auth/me", headers=token)).status_code)
                    asked = await client.post(
                        f"{root}/chat", json={"message": "hello [[pace:fast]]"}, headers=token
                    )
                    told.statuses.append(asked.status_code)
            await asyncio.sleep(0.1)


async def _is_ready(client: httpx.AsyncClient, target: Target) -> bool:
    with suppress(httpx.TransportError):
        answer = await client.get(f"http://127.0.0.1:{target.port}/api/v1/health/ready")
        return answer.status_code == 200
    return False


async def _watch(target: Target, process: subprocess.Popen[bytes], told: Told) -> None:
    """Note when the process says that it is not ready, and when it is gone."""
    began = time.monotonic()
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        while await _is_ready(client, target):
            await asyncio.sleep(0.05)
    told.unready_s = time.monotonic() - began
    with suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, 2 * GONE_WITHIN_S)
    told.gone_s = time.monotonic() - began
