"""`make bench`: every question, or those that are named; tables on the screen, JSON in bench/results/."""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from dataclasses import replace

import uvloop

from bench import (
    availability,
    caching,
    growth,
    hostile,
    killing,
    leaving,
    ledgers,
    memory,
    numbers,
    opening,
    outages,
    quota,
    quotations,
    replacing,
    report,
    resuming,
    saving,
    searching,
    streaming,
    subscribers,
    waiting,
)
from bench.stage import FULL, QUICK, Scale, stage

QUESTIONS = {
    "streaming": streaming.costs,
    "delays": streaming.delays,
    "socket": streaming.socket,
    "opening": opening.ask,
    "quota": quota.ask,
    "saving": saving.ask,
    "subscribers": subscribers.ask,
    "memory": memory.ask,
    "streams": growth.streams,
    "conversations": growth.conversations,
    "search": searching.ask,
    "caching": caching.ask,
    "availability": availability.ask,
    "ledgers": ledgers.ask,
    "analytics": numbers.ask,
    "outages": outages.ask,
    "replacing": replacing.ask,
    "resumes": resuming.ask,
    "hostile": hostile.ask,
    "kills": killing.ask,
    "leavers": leaving.ask,
    "quotations": quotations.ask,
    "waiting": waiting.ask,
}
# What a look of a minute and a half can tell.
QUICKLY = ("streaming", "delays", "socket", "opening", "memory")


def main() -> int:
    """Read the arguments, ask, print, save."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("questions", nargs="*", metavar="question", help=f"of {', '.join(QUESTIONS)}")
    parser.add_argument("--quick", action="store_true", help="SQLite only, one short run: a first look")
    parser.add_argument("--runs", type=int, help="runs of which the median counts")
    wishes = parser.parse_args()
    unknown = set(wishes.questions) - set(QUESTIONS)
    if unknown:
        parser.error(f"no such question: {', '.join(sorted(unknown))}")
    scale = QUICK if wishes.quick else FULL
    if wishes.runs:
        scale = replace(scale, runs=wishes.runs)
    try:
        rows = uvloop.run(ask(wishes.questions or list(QUICKLY if wishes.quick else QUESTIONS), scale))
    except asyncio.CancelledError:
        return 130
    path = report.save(rows, mode="quick" if wishes.quick else "full")
    missed = [each.measure.strip() for each in rows if each.is_met is False]
    print(f"\nNot reached: {', '.join(missed) or 'nothing'}\nWritten to {path.relative_to(report.ROOT)}")
    return 0


async def ask(questions: list[str], scale: Scale) -> list[report.Row]:
    """Ask one question after the other. SIGINT and SIGTERM end it, and with it every server."""
    asking = asyncio.current_task()
    assert asking is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asking.cancel)
    rows = []
    with stage() as set_stage:
        for name in questions:
            began = time.monotonic()
            found = await QUESTIONS[name](set_stage, scale)
            print(f"\n{name}, {time.monotonic() - began:.0f} s\n{report.table(found)}", flush=True)
            rows += found
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
