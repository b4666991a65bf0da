"""Do the sandbox's ledger and ours agree to the last digit, after thousands of mixed turns?

Every generation that the sandbox charged for has to stand in our ledger once, with the same tokens and the same cost
(to twelve decimals, which is all that ours holds), and nothing else may.
`python -m bench.ledgers ADDRESS` waits until nothing is owed any more and prints the comparison.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections import Counter
from decimal import Decimal
from typing import Any

import django
import httpx

from bench.machine import OTHERS, found_by, start, wait_for
from bench.mixed import AT_ONCE, Crowd
from bench.product import POSTGRES, SQLITE, Product, serve
from bench.report import RESULTS, Row, at_most, row
from bench.stage import QUICK, Scale, Stage
from tests.servers import free_port
from tools.processes import Family
from tools.supervisor import WORKER_OPTIONS

TURNS, A_FEW = 10_000, 1_000
SETTLES_WITHIN_S = 240.0


async def ask(set_stage: Stage, scale: Scale) -> list[Row]:
    """Ask all the questions on the first database, wait for the last look-up, compare."""
    turns = int(os.environ.get("BENCH_TURNS", A_FEW if scale is QUICK else TURNS))
    database = os.environ.get("BENCH_DATABASE", SQLITE)
    with Family() as family:
        port = free_port()
        sandbox = start(family, "the sandbox", ["-m", "wisqu.sandbox", "--port", str(port)], cores=OTHERS)
        root = f"http://127.0.0.1:{port}"
        wait_for(f"{root}/sandbox/ledger?limit=1", sandbox)
        folder = set_stage.folder / "ledgers"
        product = serve(
            family, folder, database=POSTGRES if database == POSTGRES else SQLITE, upstream_port=port
        )
        worker = ["-m", "celery", "-A", "wisqu.celery", "-q", "worker", *WORKER_OPTIONS]
        start(family, "the worker", worker, cores=OTHERS, env={**product.env, "CELERY_SKIP_CHECKS": "1"})
        began = time.monotonic()
        ends = await _ask_all(product, turns)
        took = time.monotonic() - began
        found = _compare(product, root) | {"turns": turns, "seconds": round(took), "ends": ends}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "ledgers.json").write_text(json.dumps(found, indent=1) + "\n")
    wrong = sum(found["disagreements"].values())
    return [
        row(f"mixed turns on {database}", [turns]),
        row("of them that ended in an answer", [sum(n for end, n in ends.items() if end.endswith(": done"))]),
        row("generations charged by the sandbox", [found["charged"]]),
        row("generations on which the ledgers disagree", [wrong], goal="0", holds=at_most(0)),
        row(
            "difference of the sums, USD", [float(found["difference"])], "{:.12f}", goal="0", holds=at_most(0)
        ),
    ]


async def _ask_all(product: Product, turns: int) -> dict[str, int]:
    ends: Counter[str] = Counter()
    limits = httpx.Limits(max_connections=2 * AT_ONCE)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{product.port}", timeout=120, limits=limits, trust_env=False
    ) as client:
        for begin in range(0, turns, A_FEW):
            crowd = Crowd(product.chat(AT_ONCE), client)  # signed in again: an access token holds 15 minutes
            await crowd.ask(range(begin, min(begin + A_FEW, turns)))
            ends += crowd.ends
    return dict(ends.most_common())


def _compare(product: Product, root: str) -> dict[str, Any]:
    found: dict[str, Any] = found_by("bench.ledgers", root, env=product.env, cores=OTHERS)
    return found


def compare(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what both ledgers say, entry by entry: `cost_usd` and tokens, by generation."""
    charged = {each["id"]: each | {"cost": _in_ledger(each["cost"])} for each in theirs if each["cost"]}
    known = {each["id"] for each in theirs}
    wrong: Counter[str] = Counter()
    examples: dict[str, Any] = {}

    def complain(about: str, entry: dict[str, Any], other: dict[str, Any] | None = None) -> None:
        wrong[about] += 1
        examples.setdefault(about, [entry, other])

    booked: dict[str, dict[str, Any]] = {}
    for entry in ours:
        name = entry["generation_id"]
        if not name:
            # What its reader is charged for an answer that was stopped while another model was being asked: the
            # generations before have entries of their own.
            if entry["cost_usd"]:
                complain("booked, but unknown to the sandbox", entry)
            continue
        if name in booked or name not in known:
            complain("booked twice" if name in booked else "booked, but unknown to the sandbox", entry)
        booked[name] = entry
    for name, entry in charged.items():
        if (mine := booked.get(name)) is None:
            complain("charged, but not booked", entry)
            continue
        for label, theirs_is, ours_is in _figures(entry, mine):
            if theirs_is != ours_is:
                complain(label, entry, mine)
    sums = [
        sum((each["cost"] for each in charged.values()), Decimal(0)),
        sum((each["cost_usd"] or 0 for each in ours), Decimal(0)),
    ]
    return {
        "requests": len(theirs),
        "charged": len(charged),
        "aborted": sum(each["outcome"] == "aborted" for each in theirs),
        "booked": len(ours),
        "without_generation": sum(not each["generation_id"] for each in ours),
        "kinds": Counter(each["kind"] for each in ours),
        "sources": Counter(each["cost_source"] for each in ours),
        "cost_usd": [str(each) for each in sums],
        "difference": str(abs(sums[0] - sums[1])),
        "disagreements": wrong,
        "examples": examples,
    }


def _in_ledger(cost: Decimal) -> Decimal:
    """Return the cost as a ledger holds it: to a millionth of a millionth of a dollar."""
    return cost.quantize(Decimal("1e-12"))


def _figures(theirs: dict[str, Any], ours: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    pairs = [
        ("cost", theirs["cost"], ours["cost_usd"]),
        ("prompt tokens", theirs["prompt_tokens"], ours["prompt_tokens"]),
        ("completion tokens", theirs["completion_tokens"], ours["completion_tokens"]),
        ("tokens read from cache", theirs["cached_tokens"], ours["cached_tokens_read"] or 0),
    ]
    if ours["cost_source"] == "upstream":  # a look-up doesn't tell what was written
        pairs.append(
            ("tokens written to cache", theirs["cache_write_tokens"], ours["cached_tokens_written"] or 0)
        )
    return pairs


def main(root: str) -> None:
    """Wait until the product owes nothing, then compare and print."""
    django.setup()
    from billing.models import LedgerEntry, Reservation
    from chat.models import OwedGeneration, TitleJob, Turn

    until = time.monotonic() + SETTLES_WITHIN_S
    while time.monotonic() < until:
        waiting = (
            Turn.objects.filter(status=Turn.Status.RUNNING).count(),
            OwedGeneration.objects.count(),
            TitleJob.objects.filter(status__in=(TitleJob.Status.QUEUED, TitleJob.Status.RUNNING)).count(),
        )
        if not any(waiting):
            break
        time.sleep(1)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{root}/sandbox/ledger?request=0", timeout=60) as response:
        theirs = json.loads(response.read(), parse_float=Decimal)["entries"]
    for each in theirs:
        each["cost"] = Decimal(str(each["cost"]))
    fields = (
        "id", "kind", "generation_id", "model", "cost_usd", "cost_source", "prompt_tokens", "completion_tokens",
        "cached_tokens_read", "cached_tokens_written",
    )  # fmt: skip
    found = compare(theirs, list(LedgerEntry.objects.values(*fields)))
    found["still_waiting"] = waiting
    found["still_held"] = Reservation.objects.filter(state=Reservation.State.HELD).count()
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
