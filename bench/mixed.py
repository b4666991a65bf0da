"""Turns of every kind for `bench.ledgers`: through each door, with failures, readers that leave, and stops.

What is drawn depends on the number of the turn alone, so a run can be had again.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from bench import sockets
from bench.load import Target

AT_ONCE = 60
# Silent models would have every turn wait its half minute: some are enough.
_RARE = ("stall-mid model=first", "stall-first model=first", "stall-comments model=first")
_FAULTS = (
    "503 model=first", "402 model=first", "429-bare model=first", "404-deprecated model=first",
    "200-html model=first", "200-error model=first", "error-first model=first", "cut model=first",
    "cut model=first after=1", "cut-first model=first", "error-mid model=first", "error-mid-null model=first",
    "error-mid-string model=first", "silent-end model=first", "empty model=first", "cut times=2", "503 times=3",
    "cut", "error-mid", "503", "400", "403", "no-done", "no-finish", "broken-json", "bad-utf8", "wrong-shape",
    "length", "content-filter", "generation-late model=first", "cut model=first]] [[fault:generation-late",
)  # fmt: skip
_MODELS = (
    "anthropic/claude-sonnet-4.5", "anthropic/claude-haiku-4.5", "openai/gpt-4o-mini", "google/gemini-2.5-flash",
    "deepseek/deepseek-v3.2", "x-ai/grok-4.3", "qwen/qwen-plus", "anthropic/claude-3.5-sonnet", None,
)  # fmt: skip
_FORMS = (
    "",
    "",
    "[[usage:empty]]",
    "[[usage:null-choice]]",
    "[[frame:split]]",
    "[[reasoning:4]]",
    "[[frame:one]]",
)
# Above the least that any model caches, so that prompts are written and read.
_LONG = "Answer shortly. " + "The library keeps its books in order of arrival. " * 140
_SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@dataclass(frozen=True)
class Wish:
    """One turn: its door (`json`, `sse`, `socket`, `structured`), what its reader does (`reads`, `leaves`, `stops`)."""

    door: str
    reader: str
    fault: str
    body: dict[str, Any]


def wish(number: int) -> Wish:
    """Return what is asked as the turn of this number."""
    pick = random.Random(number)
    door = pick.choices(("json", "sse", "socket", "structured"), (34, 36, 20, 10))[0]
    reader = pick.choices(("reads", "leaves", "stops"), (70, 15, 15))[0]
    if (door == "json" and reader == "stops") or door == "structured":
        reader = "reads"  # nothing tells them which turn it is
    fault = pick.choice(_FAULTS) if pick.random() < 0.45 else ""
    if pick.random() < 0.01:
        fault = pick.choice(_RARE)
    if door == "structured" and pick.random() < 0.4:
        fault = pick.choice(("bad-structure times=1", "bad-structure", "bad-structure-json times=1"))
    pace = "[[pace:fast]]" if reader == "reads" else "[[pace:20ms]] [[first:100ms]]"
    words = f"[[words:{pick.randint(3, 30)}]]" if reader == "reads" else "[[words:60]]"
    text = f"{pace} {'' if door == 'structured' else words} {pick.choice(_FORMS)} Question {number}."
    body: dict[str, Any] = {"message": f"{text} [[fault:{fault}]]" if fault else text}
    if model := pick.choice(_MODELS):
        body["model"] = model
    if pick.random() < 0.3:
        body["system_prompt"] = _LONG
    if pick.random() < 0.15:
        body["fallback_models"] = pick.choice(([], ["openai/gpt-4o-mini", "anthropic/claude-haiku-4.5"]))
    if fault in _RARE:  # a model alone is waited for until all time is over
        body.pop("fallback_models", None)
    body["routing_strategy"] = pick.choice(("auto", "auto", "price", "latency", "uptime"))
    return Wish(door, reader, fault, body)


class Crowd:
    """So many people, each asking one question after the other."""

    def __init__(self, target: Target, client: httpx.AsyncClient) -> None:
        self.target, self.client = target, client
        self.ends: Counter[str] = Counter()

    async def ask(self, turns: Iterable[int]) -> None:
        """Ask the questions of these numbers."""
        numbers = iter(turns)

        async def person(place: int) -> None:
            conversation = None
            for number in numbers:
                wanted = wish(number)
                if conversation and number % 4:
                    wanted.body["conversation_id"] = conversation
                try:
                    conversation = await getattr(self, f"_{wanted.door}")(wanted, place)
                except (httpx.HTTPError, RuntimeError, OSError) as error:
                    self.ends[f"lost: {type(error).__name__}"] += 1
                    conversation = None

        await asyncio.gather(*map(person, range(AT_ONCE)))

    def _bearer(self, place: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.target.token(place)}"}

    def _note(self, wanted: Wish, end: str) -> None:
        self.ends[f"{wanted.door}: {end}"] += 1

    async def _json(self, wanted: Wish, place: int) -> str | None:
        patience = 0.4 if wanted.reader == "leaves" else 120
        try:
            answer = await self.client.post(
                "/api/v1/chat", json=wanted.body, headers=self._bearer(place), timeout=patience
            )
        except httpx.ReadTimeout:
            self._note(wanted, "left")
            return None
        return self._answered(wanted, answer)

    async def _structured(self, wanted: Wish, place: int) -> str | None:
        body = wanted.body | {"schema": _SCHEMA}
        answer = await self.client.post("/api/v1/chat/structured", json=body, headers=self._bearer(place))
        return self._answered(wanted, answer)

    def _answered(self, wanted: Wish, answer: httpx.Response) -> str | None:
        told = answer.json()
        self._note(wanted, "done" if answer.status_code == 200 else str(told.get("code", answer.status_code)))
        return told["message"]["conversation_id"] if answer.status_code == 200 else None

    async def _sse(self, wanted: Wish, place: int) -> str | None:
        body, headers = wanted.body | {"stream": True}, self._bearer(place)
        conversation = turn = None
        is_stopped = False
        async with self.client.stream("POST", "/api/v1/chat", json=body, headers=headers) as answer:
            if answer.status_code != 200:
                self._note(wanted, str(json.loads(await answer.aread()).get("code")))
                return None
            async for line in answer.aiter_lines():
                if not line.startswith("data: "):
                    continue
                event = json.loads(line[6:])
                if event["type"] == "start":
                    conversation, turn = event["conversation_id"], event["turn_id"]
                if wanted.reader == "leaves" and event["type"] == "content":
                    self._note(wanted, "left")
                    return None
                if wanted.reader == "stops" and event["type"] == "content" and not is_stopped:
                    is_stopped = True
                    await self.client.post(f"/api/v1/chat/turns/{turn}/stop", headers=headers)
                if event["type"] in ("done", "error"):
                    self._note(wanted, _end(event))
                    return conversation if event["type"] == "done" else None
        self._note(wanted, "no end")
        return None

    async def _socket(self, wanted: Wish, place: int) -> str | None:
        socket = await sockets.connect(self.target, place)
        try:
            socket.say({"type": "send", "ref": "r", **wanted.body})
            if wanted.reader != "reads":
                turn = await self._first_words(socket)
                if wanted.reader == "leaves":
                    self._note(wanted, "left")
                    return None
                if turn:
                    socket.say({"type": "stop", "turn_id": turn})
            await asyncio.wait_for(socket.ended, 120)
            last = [frame for frame in socket.frames() if frame["type"] in ("done", "error", "rejected")][-1]
            self._note(wanted, _end(last))
            return last["message"]["conversation_id"] if last["type"] == "done" else None
        finally:
            socket.transport.close()

    @staticmethod
    async def _first_words(socket: sockets.Socket) -> str | None:
        """Return the turn's id once its answer has begun."""
        while b'"type":"content"' not in socket.received and not socket.ended.done():
            await asyncio.sleep(0.02)
        found = re.search(rb'"turn_id":"([^"]+)"', socket.received)
        return found[1].decode() if found else None


def _end(event: dict[str, Any]) -> str:
    if event["type"] == "done":
        return str(event["message"]["status"])
    return str(event.get("code") or event.get("problem", {}).get("code") or event["type"])
