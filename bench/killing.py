"""Does anything get lost, stuck or paid for twice when processes are killed at random, with people at work?

Under thirty running answers and twenty images at a time one process after the other is ended by kill -9 and started
again at once, as a supervisor does it: a web process (of two), the worker, the clock, Redis (which comes back with its
queue, and the next time empty), PostgreSQL. When all is over and settled, what is stored is compared with what people
saw and with what the sandbox charged. BENCH_SEED makes a run anew; BENCH_KILLS sets how many.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter, defaultdict
from typing import Any

from bench.machine import found_by
from bench.persistent import Crowd
from bench.realm import CLOCK, EVERYWHERE, KINDS, REDIS, WEB, Realm
from bench.report import RESULTS, Row, at_most, row
from bench.stage import QUICK, Scale, Stage
from tools.processes import Family

KILLS = 60
STREAMS, IMAGES = 30, 20
BETWEEN_S = (2.0, 8.0)
_TOKENS_HOLD_S = 480.0
# An answer's end is promised within half a minute after its lease (`chat.sweeping.DEAD_AFTER`) is over.
TURN_OVER_S, IMAGE_S = 42.0, 120.0


async def ask(set_stage: Stage, scale: Scale) -> list[Row]:
    """Let people in, kill, wait for the last end, compare."""
    kills = int(os.environ.get("BENCH_KILLS", len(KINDS) if scale is QUICK else KILLS))
    seed = int(os.environ.get("BENCH_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"\nkills: BENCH_SEED={seed} BENCH_KILLS={kills}", flush=True)
    with Family() as family:
        realm = Realm(family, set_stage.folder / "kills")
        await realm.serve()
        tokens = realm.product.sign_in(STREAMS)
        addresses = [realm.address(name) for name in WEB]
        crowd = Crowd(addresses, lambda person: tokens[person % len(tokens)], seed)
        living = asyncio.create_task(crowd.live(streams=STREAMS, images=IMAGES))
        supervising = asyncio.create_task(realm.supervise())
        killer = Killer(realm, seed, tokens)
        await killer.kill(kills)
        crowd.is_over = True
        await living
        supervising.cancel()
        found = await asyncio.to_thread(look, realm, crowd.report() | {"kills": killer.kills})
    found |= {
        "seed": seed,
        "kills": killer.kills,
        "died": realm.died,
        "statuses": crowd.statuses,
        "back_s": killer.back_s,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "kills.json").write_text(json.dumps(found, indent=1, default=str) + "\n")
    return rows(found)


class Killer:
    """Kills and starts again, each kind equally often, in an order that the seed decides."""

    def __init__(self, realm: Realm, seed: int, tokens: list[str]) -> None:
        self.realm, self.tokens = realm, tokens
        self.chance = random.Random(seed)
        self.kills: list[tuple[str, float]] = []
        self.back_s: dict[str, float] = defaultdict(float)
        self._signed_in = time.monotonic()
        self._began = time.time()

    async def kill(self, count: int) -> None:
        """Kill so many times."""
        order = [KINDS[number % len(KINDS)] for number in range(count)]
        self.chance.shuffle(order)
        redis_kills = 0
        for kind in order:
            await asyncio.sleep(self.chance.uniform(*BETWEEN_S))
            await self._sign_in_again()
            redis_kills += kind == REDIS
            await self._one(kind, empty=kind == REDIS and redis_kills % 2 == 0)
        await asyncio.sleep(BETWEEN_S[1])

    async def _one(self, kind: str, *, empty: bool) -> None:
        name = self.chance.choice(WEB) if kind == "web" else kind
        at = time.time()
        self.realm.kill(name, empty=empty)
        self.realm.start(name)
        # Nobody waits for the clock: web processes look after everything that it does.
        took = 0.0 if kind == CLOCK else await self.realm.wait_for(name)
        self.back_s[kind] = max(self.back_s[kind], took)
        self.kills.append((f"{name}{', emptied' if empty else ''}", at))
        after = at - self._began
        print(
            f"  {len(self.kills)}: {self.kills[-1][0]} at {after:.1f} s, back after {took:.1f} s", flush=True
        )

    async def _sign_in_again(self) -> None:
        """Sign everybody in before their tokens are too old."""
        if time.monotonic() - self._signed_in > _TOKENS_HOLD_S:
            self.tokens[:] = await asyncio.to_thread(self.realm.product.sign_in, len(self.tokens))
            self._signed_in = time.monotonic()


def look(realm: Realm, seen: dict[str, Any]) -> dict[str, Any]:
    """Return what `bench.aftermath` finds."""
    path = realm.folder / "seen.json"
    path.write_text(json.dumps(seen))
    root = f"http://127.0.0.1:{realm.sandbox}"
    found: dict[str, Any] = found_by("bench.aftermath", root, str(path), env=realm.env, cores=EVERYWHERE)
    return found


def rows(found: dict[str, Any]) -> list[Row]:
    """Return what is reported."""
    kinds = Counter(name.split()[0].rstrip(",") for name, _ in found["kills"])
    zero: dict[str, Any] = {"goal": "0", "holds": at_most(0)}
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    wrong = sum(found["wrong"].values()) + found["never_accepted"]
    fives = sum(n for name, n in found["statuses"].items() if name.startswith("500") and len(name) == 3)
    return [
        row(f"kills ({told})", [len(found["kills"])]),
        row("  processes that ended for another one's death", [len(found["died"])], **zero),
        row("answers asked for", [found["turns"]]),
        row("  of them interrupted", [found["turn_ends"].get("failed", 0)]),
        row("  lost, wrong or without an end", [wrong], **zero),
        row("  most that a reader saw of an interrupted one and was not kept, s", [found["unkept_s"]],
            "{:.1f}", goal="<= 2", holds=at_most(2)),
        row("  longest that one was open beyond its own time, s", [found["turn_over_s"]],
            "{:.1f}", goal=f"<= {TURN_OVER_S:.0f}", holds=at_most(TURN_OVER_S)),
        row("images asked for", [found["images"]]),
        row("  of them failed", [sum(n for end, n in found["image_ends"].items() if end.startswith("failed"))]),
        row("  lost, or without an end", [found["images_lost"] + found["images_open"]], **zero),
        row("  longest from the request to the end, s", [found["image_s"]], "{:.1f}"),
        row("  the same from the last kill of worker, Redis or database meanwhile, s", [found["image_after_s"]],
            "{:.1f}", goal=f"<= {IMAGE_S:.0f}", holds=at_most(IMAGE_S)),
        row("  done, and their file is missing", [found["files_missing"]], **zero),
        row("files without a row, before the sweep", [found["orphans"]]),
        row("  after the sweep", [found["orphans_left"]], **zero),
        row("questions and wishes sent upstream twice", [len(found["asked_twice"])], **zero),
        row("answers with status 500", [fives], **zero),
        *booking(found),
    ]  # fmt: skip


def booking(found: dict[str, Any]) -> list[Row]:
    """Return the rows about money."""
    zero: dict[str, Any] = {"goal": "0", "holds": at_most(0)}
    ledger = found["ledger"]
    near = {"goal": "<= 1e-6", "holds": at_most(1e-6)}
    return [
        row("generations that the sandbox charged for", [ledger["charged"]]),
        row("  without an entry in the ledger", [ledger["missing"]], **zero),
        row("  with two", [ledger["twice"]], **zero),
        row(
            "  with another cost, or unknown to the sandbox",
            [ledger["other_cost"] + ledger["unknown"]],
            **zero,
        ),
        row("difference of the sums, USD", [float(ledger["difference"])], "{:.9f}", **near),
        row("held when all is over", [found["held"] + found["holds"]], **zero),
        row("counters that are not the sums of the ledger", [len(found["counters_wrong"])], **zero),
        row("all settled after the last end, s", [found["settled_after_s"]], "{:.0f}"),
        row("  still waiting", [sum(found["still_waiting"])], **zero),
    ]
