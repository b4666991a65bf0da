"""People who don't give up: each question and each wish is sent until it is accepted, and followed to its end.

A request that brought no answer is sent again under the same key, to whichever web process; a stream that broke is
joined again where it broke. What each of them saw is kept, to be compared with what is stored.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

LASTS_AT_MOST_S = 240.0
PACE_MS, FIRST_MS = 50, 300
QUESTIONS_OF_ONE = 4  # then a conversation is new
_AGAIN_AFTER_S = 0.5
_LOOK_EVERY_S = 2.0
_NOT_NOW = (409, 429, 502, 503)


@dataclass
class Turn:
    """A question, and what its asker saw. `ended` is the status that the stream's last event told."""

    tag: str
    question: str
    words: int
    turn_id: str = ""
    question_id: str = ""
    answer_id: str = ""
    conversation_id: str = ""
    seq: int = 0
    text: str = ""
    ended: str = ""
    told: str = ""  # the text of the last event's message
    seconds: float = 0.0


@dataclass
class Picture:
    """A wish for an image, and what was seen of it."""

    tag: str
    image_id: str = ""
    status: str = ""
    seconds: float = 0.0


@dataclass
class Crowd:
    """So many people who chat and so many images that are waited for, at all times until `is_over`."""

    addresses: list[str]
    token: Callable[[int], str]
    seed: int
    turns: list[Turn] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        limits = httpx.Limits(max_connections=300, max_keepalive_connections=40)
        self._http = httpx.AsyncClient(trust_env=False, limits=limits, timeout=httpx.Timeout(30, connect=3))

    async def live(self, *, streams: int, images: int) -> None:
        """Ask and wish until it is over, and then until everybody has an end."""
        async with self._http:
            people = [self._chat(number) for number in range(streams)]
            await asyncio.gather(*people, *(self._wish(number) for number in range(images)))

    def report(self) -> dict[str, Any]:
        """Return what was seen as JSON values."""
        return {
            "turns": [asdict(each) for each in self.turns],
            "pictures": [asdict(each) for each in self.pictures],
        }

    # --- Chatting ---------------------------------------------------------------------------------

    async def _chat(self, person: int) -> None:
        await asyncio.sleep(person * 0.2)
        conversation, count = "", 0
        while not self.is_over:
            turn = await self._ask(person, f"{person}-{count}", conversation)
            count += 1
            goes_on = turn.ended == "done" and count % QUESTIONS_OF_ONE
            conversation = turn.conversation_id if goes_on else ""

    async def _ask(self, person: int, tag: str, conversation: str) -> Turn:
        words = self._chance.randint(100, 400)
        question = f"[[pace:{PACE_MS}ms]] [[first:{FIRST_MS}ms]] [[words:{words}]] Question {tag}."
        turn = Turn(tag, question, words)
        self.turns.append(turn)
        body: dict[str, Any] = {"message": question, "stream": True}
        if conversation:
            body["conversation_id"] = conversation
        key, began = str(uuid.uuid4()), time.monotonic()
        while not turn.ended and time.monotonic() - began < LASTS_AT_MOST_S:
            try:
                await (self._join(person, turn) if turn.turn_id else self._send(person, turn, body, key))
            except httpx.HTTPError as error:
                self.statuses[f"broken: {type(error).__name__}"] += 1
            if not turn.ended:
                await asyncio.sleep(_AGAIN_AFTER_S)
        turn.seconds = time.monotonic() - began
        return turn

    async def _send(self, person: int, turn: Turn, body: dict[str, Any], key: str) -> None:
        headers = {**self._bearer(person), "Idempotency-Key": key}
        await self._read(turn, self._http.stream("POST", self._at("/chat"), json=body, headers=headers))

    async def _join(self, person: int, turn: Turn) -> None:
        headers = {**self._bearer(person), "Last-Event-ID": str(turn.seq)}
        address = self._at(f"/chat/turns/{turn.turn_id}/events")
        if await self._read(turn, self._http.stream("GET", address, headers=headers)) == 204:
            turn.ended = "nothing more"

    async def _read(self, turn: Turn, asking: Any) -> int:
        async with asking as answer:
            self.statuses[str(answer.status_code)] += 1
            if answer.status_code not in (200, 204, *_NOT_NOW):
                self.statuses[f"{answer.status_code}: {(await answer.aread())[:300]!r}"] += 1
            if answer.status_code == 200:
                seq = turn.seq
                async for line in answer.aiter_lines():
                    if line.startswith("id: "):
                        seq = int(line[4:])
                    elif line.startswith("data: "):
                        _take(turn, json.loads(line[6:]))
                        turn.seq = seq
            return int(answer.status_code)

    # --- Images -----------------------------------------------------------------------------------

    async def _wish(self, place: int) -> None:
        await asyncio.sleep(place * 0.3)
        count = 0
        while not self.is_over:
            await self._have_made(place, f"Picture {place}-{count}.")
            count += 1

    async def _have_made(self, place: int, tag: str) -> None:
        picture = Picture(tag)
        self.pictures.append(picture)
        key, began = str(uuid.uuid4()), time.monotonic()
        while picture.status not in ("done", "failed") and time.monotonic() - began < LASTS_AT_MOST_S:
            try:
                await (self._look(place, picture) if picture.image_id else self._want(place, picture, key))
            except httpx.HTTPError as error:
                self.statuses[f"broken: {type(error).__name__}"] += 1
            await asyncio.sleep(_LOOK_EVERY_S if picture.image_id else _AGAIN_AFTER_S)
        picture.seconds = time.monotonic() - began

    async def _want(self, place: int, picture: Picture, key: str) -> None:
        headers = {**self._bearer(place), "Idempotency-Key": key}
        body = {"prompt": picture.tag}
        answer = await self._http.post(self._at("/images/generate"), json=body, headers=headers)
        self._note(answer)
        if answer.status_code in (201, 202):
            picture.image_id = answer.json()["id"]

    async def _look(self, place: int, picture: Picture) -> None:
        answer = await self._http.get(self._at(f"/images/{picture.image_id}"), headers=self._bearer(place))
        self._note(answer)
        if answer.status_code == 200:
            picture.status = answer.json()["status"]

    def _note(self, answer: httpx.Response) -> None:
        self.statuses[str(answer.status_code)] += 1
        if answer.status_code not in (200, 201, 202, *_NOT_NOW):
            self.statuses[f"{answer.status_code}: {answer.content[:300]!r}"] += 1

    def _bearer(self, person: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(person)}"}

    def _at(self, path: str) -> str:
        return f"{self._chance.choice(self.addresses)}/api/v1{path}"


def _take(turn: Turn, event: dict[str, Any]) -> None:
    """Note what an event tells."""
    kind = event["type"]
    if kind == "start":
        turn.turn_id, turn.conversation_id = event["turn_id"], event["conversation_id"]
        turn.question_id, turn.answer_id = event["user_message_id"], event["message_id"]
    elif kind == "content":
        turn.text += event["content"]
    elif kind in ("done", "error"):
        message = event["message"]
        turn.ended, turn.told = message["status"], message["content"]
