"""Five hundred readers leave at random points. Is every generation booked once, at its cost, and nothing held?

Half of them read events over HTTP, half over websockets. Each leaves before the first byte, somewhere in the middle,
right before the end, or right after having stopped the answer; nobody comes back. BENCH_SEED makes a run anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from bench import killing, sockets
from bench.load import Target
from bench.realm import WEB, Realm
from bench.report import RESULTS, Row, row
from bench.stage import QUICK, Scale, Stage
from tools.processes import Family

CLIENTS, A_FEW = 500, 60
AT_ONCE = 50
DOORS = ("events", "socket")
MOMENTS = ("before the first byte", "in the middle", "right before the end", "after Stop")
_WORDS, _PACE_MS = 60, 20


@dataclass(frozen=True)
class Leaver:
    """One reader: the door, and where in the answer it leaves; `point` is a share of the whole."""

    number: int
    door: str
    moment: str
    point: float

    @property
    def words(self) -> int:
        """How many words of the answer it reads."""
        if self.moment == "right before the end":
            return _WORDS - 1
        return 1 + int(self.point * (_WORDS - 2))

    @property
    def message(self) -> str:
        """What it asks."""
        return f"[[pace:{_PACE_MS}ms]] [[first:300ms]] [[words:{_WORDS}]] Question {self.number}-0."


def leavers(count: int, seed: int) -> list[Leaver]:
    """Return so many readers: each door and moment equally often, the rest by chance."""
    chance = random.Random(seed)
    kinds = [(door, moment) for door in DOORS for moment in MOMENTS]
    found = [Leaver(number, *kinds[number % len(kinds)], chance.random()) for number in range(count)]
    chance.shuffle(found)
    return found


async def ask(set_stage: Stage, scale: Scale) -> list[Row]:
    """Let them come and leave, wait until all is settled, compare."""
    count = A_FEW if scale is QUICK else CLIENTS
    seed = int(os.environ.get("BENCH_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"\nleavers: BENCH_SEED={seed}", flush=True)
    with Family() as family:
        realm = Realm(family, set_stage.folder / "leavers")
        await realm.serve()
        targets = [
            Target(name, realm.ports[name], "/api/v1/chat", tokens=realm.product.sign_in(AT_ONCE))
            for name in WEB
        ]
        crowd = _Crowd(targets, iter(leavers(count, seed)))
        await crowd.come_and_go()
        found = await asyncio.to_thread(killing.look, realm, {"turns": [], "pictures": []})
    RESULTS.mkdir(parents=True, exist_ok=True)
    facts = found | {"seed": seed, "left": crowd.left}
    (RESULTS / "leavers.json").write_text(json.dumps(facts, indent=1, default=str) + "\n")
    ends = found["turn_ends"]
    return [
        row("readers who left", [sum(crowd.left.values())]),
        row("  answers that went on to their end", [ends.get("done", 0)]),
        row("  that were stopped", [ends.get("stopped", 0)]),
        *killing.booking(found),
    ]


class _Crowd:
    """So many at once, each through its door and out again."""

    def __init__(self, targets: list[Target], coming: Any) -> None:
        self.targets, self.coming = targets, coming
        self.left: Counter[str] = Counter()

    async def come_and_go(self) -> None:
        """Return when the last one has left."""
        limits = httpx.Limits(max_connections=2 * AT_ONCE)
        async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as self.http:
            await asyncio.gather(*map(self._place, range(AT_ONCE)))

    async def _place(self, place: int) -> None:
        for leaver in self.coming:
            target = self.targets[leaver.number // len(DOORS) % len(self.targets)]
            leave = self._events if leaver.door == "events" else self._socket
            try:
                await leave(leaver, target, place)
                self.left[f"{leaver.door}, {leaver.moment}"] += 1
            except (httpx.HTTPError, RuntimeError, OSError) as error:
                self.left[f"{leaver.door}, lost: {type(error).__name__}"] += 1

    async def _events(self, leaver: Leaver, target: Target, place: int) -> None:
        reading = self._read(leaver, target, place)
        if leaver.moment == MOMENTS[0]:
            with suppress(TimeoutError):
                await asyncio.wait_for(reading, leaver.point * 0.3)
        else:
            await reading

    async def _read(self, leaver: Leaver, target: Target, place: int) -> None:
        root, headers = f"http://127.0.0.1:{target.port}", {"Authorization": f"Bearer {target.token(place)}"}
        body = {"message": leaver.message, "stream": True}
        async with self.http.stream("POST", f"{root}{target.path}", json=body, headers=headers) as answer:
            turn, words = "", 0
            async for line in answer.aiter_lines():
                if not line.startswith("data: "):
                    continue
                event = json.loads(line[6:])
                turn = event.get("turn_id", turn)
                if event["type"] == "content":
                    words += len(event["content"].split())
                if words >= leaver.words:
                    break
            if leaver.moment == MOMENTS[3]:
                await self.http.post(f"{root}{target.path}/turns/{turn}/stop", headers=headers)

    async def _socket(self, leaver: Leaver, target: Target, place: int) -> None:
        socket = await sockets.connect(target, place)
        try:
            socket.say({"type": "send", "ref": "r", "message": leaver.message})
            if leaver.moment == MOMENTS[0]:
                await asyncio.sleep(leaver.point * 0.3)
                return
            mark = f" w{leaver.words}".encode() if leaver.words > 1 else b'"w1'
            await self._until(socket, mark)
            if leaver.moment == MOMENTS[3]:
                start = next(frame for frame in socket.frames() if frame["type"] == "start")
                socket.say({"type": "stop", "turn_id": start["turn_id"]})
                await asyncio.sleep(leaver.point * 0.1)
        finally:
            socket.transport.close()

    @staticmethod
    async def _until(socket: sockets.Socket, mark: bytes) -> None:
        async with asyncio.timeout(60):
            while mark not in socket.received and not socket.ended.done():
                await asyncio.sleep(0.01)
