"""The load: many readers of server-sent events on raw connections, and what they saw, read after the run."""

from __future__ import annotations

import asyncio
import json
import re
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import quantiles
from typing import Any

STAMPED = re.compile(r" t\d+@(\d+)")
LASTS_AT_MOST_S = 120.0
_END = b"0\r\n\r\n"


@dataclass(frozen=True)
class Target:
    """Something that answers questions with a stream."""

    name: str
    port: int
    path: str
    pid: int = 0
    # What stands around the question in the body; the product takes stream and conversation as well.
    fields: dict[str, Any] = field(default_factory=dict)
    tokens: Sequence[str] = ()  # access tokens, one for each reader
    method: str = "POST"

    def token(self, reader: int) -> str:
        """Return the reader's access token."""
        return self.tokens[reader % len(self.tokens)]

    def request(self, message: str, reader: int = 0, **fields: Any) -> bytes:
        """Return the request's bytes."""
        body = json.dumps(self.body(message) | fields).encode() if self.method == "POST" else b""
        bearer = f"Authorization: Bearer {self.token(reader)}\r\n" if self.tokens else ""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{bearer}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def body(self, message: str) -> dict[str, Any]:
        """Return what is asked."""
        return {"message": message, **self.fields}


class Upstream(Target):
    """Whatever takes OpenRouter's own form: the upstream itself, or a proxy before it."""

    def body(self, message: str) -> dict[str, Any]:
        """Return what OpenRouter is asked."""
        return {"model": "m", "messages": [{"role": "user", "content": message}], "stream": True}


@dataclass(slots=True)
class Answer:
    """The bytes of one answer with the moment each piece came (monotonic ns)."""

    asked: int
    pieces: list[tuple[int, bytes]] = field(default_factory=list)

    def so_far(self, name: str) -> str:
        """Return a text field of the events that came so far."""
        found = re.search(rb'"%b":"([^"]*)"' % name.encode(), b"".join(data for _, data in self.pieces))
        return found[1].decode() if found else ""

    def events(self) -> list[tuple[int, Any]]:
        """Return each event's JSON with the moment it was complete."""
        raw = b"".join(data for _, data in self.pieces)
        ends = list(accumulate(len(data) for _, data in self.pieces))
        found, rest, at = [], b"", raw.index(b"\r\n\r\n") + 4
        while at < len(raw):
            line_end = raw.index(b"\r\n", at)
            size = int(raw[at:line_end], 16)
            at = line_end + 2 + size
            arrived = self.pieces[bisect_left(ends, min(at, len(raw)))][0]
            *whole, rest = (rest + raw[line_end + 2 : at]).split(b"\n\n")
            found += [(arrived, event) for event in map(_payload, whole) if event is not None]
            at += 2
        return found

    def texts(self) -> list[tuple[int, str]]:
        """Return each event's text with the moment it came."""
        return [(arrived, text) for arrived, event in self.events() if (text := _text(event))]


def _payload(event: bytes) -> Any:
    for line in event.split(b"\n"):
        if line.startswith(b"data: {"):
            return json.loads(line[6:])
    return None


def _text(event: Any) -> str:
    if "choices" in event:
        return event["choices"][0]["delta"].get("content") or "" if event["choices"] else ""
    return event.get("content", "") if event.get("type", "content") == "content" else ""


class Reader(asyncio.Protocol):
    """One connection that asks and reads; it looks at nothing while the run goes on."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.ended: asyncio.Future[Answer] | None = None
        self.last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def begin(self, request: bytes) -> asyncio.Future[Answer]:
        """Send the question."""
        self.ended = asyncio.get_running_loop().create_future()
        self.answer = Answer(time.monotonic_ns())
        self.transport.write(request)
        return self.ended

    async def ask(self, request: bytes) -> Answer:
        """Send the question and return the answer. Raises RuntimeError for anything but a whole 200."""
        return await asyncio.wait_for(self.begin(request), LASTS_AT_MOST_S)

    def data_received(self, data: bytes) -> None:
        answer, ended = self.answer, self.ended
        if answer is None or ended is None or ended.done():
            return
        if not answer.pieces and not data.startswith(b"HTTP/1.1 200"):
            ended.set_exception(RuntimeError(data.decode(errors="replace")))
            return
        answer.pieces.append((time.monotonic_ns(), data))
        if data.endswith(_END) or (len(data) < len(_END) and (self.last + data).endswith(_END)):
            ended.set_result(answer)
        self.last = data

    def connection_lost(self, error: Exception | None) -> None:
        if self.ended is not None and not self.ended.done():
            self.ended.set_exception(RuntimeError("the connection was closed in the middle of an answer"))
            self.ended.exception()  # looked at here, since nobody waits for the readers of `bench.memory`


async def connect(target: Target) -> Reader:
    """Open one connection."""
    loop = asyncio.get_running_loop()
    _, reader = await loop.create_connection(Reader, "127.0.0.1", target.port)
    return reader


async def stream(
    target: Target, message: str, *, readers: int, rounds: int = 1, spread_s: float = 1.0, **fields: Any
) -> list[Answer]:
    """Let so many readers ask, each so many times; they begin one after the other within `spread_s`."""
    connections = [await connect(target) for _ in range(readers)]

    async def read(number: int, reader: Reader) -> list[Answer]:
        await asyncio.sleep(spread_s * number / readers)
        return [await reader.ask(target.request(message, number, **fields)) for _ in range(rounds)]

    try:
        answers = await asyncio.gather(*(read(number, each) for number, each in enumerate(connections)))
    finally:
        for each in connections:
            each.transport.close()
    return [answer for some in answers for answer in some]


def first_token_ms(answers: Sequence[Answer]) -> list[float]:
    """Return how long each reader waited for the first text."""
    return [(answer.texts()[0][0] - answer.asked) / 1e6 for answer in answers]


def lags_ms(answers: Sequence[Answer]) -> list[float]:
    """Return how long each stamped token was on its way."""
    return [
        (arrived - int(sent)) / 1e6
        for answer in answers
        for arrived, text in answer.texts()
        for sent in STAMPED.findall(text)
    ]


def expected(tokens: int) -> str:
    """Return what the upstream says in so many tokens."""
    return "".join(f" t{number}" for number in range(tokens))


def whole(answers: Sequence[Answer], tokens: int) -> int:
    """Return how many of the answers hold every token once and in order."""
    wanted = expected(tokens)
    return sum(
        re.sub(r"@\d+", "", "".join(text for _, text in answer.texts())) == wanted for answer in answers
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of them do not exceed."""
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


class Caller(asyncio.Protocol):
    """One connection that sends the same request again as soon as the last one is answered."""

    def __init__(self, request: bytes) -> None:
        self.request, self.received, self.answered = request, b"", 0
        self.failure = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, gap, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not gap or not (len(body) >= int(length[1]) if length else body.endswith(_END)):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.failure = self.received.decode(errors="replace")
            return
        self.received = b""
        self.answered += 1
        self.transport.write(self.request)


async def call(target: Target, message: str, *, clients: int, seconds: float) -> int:
    """Return how many requests so many clients get answered, each two at least. Raises RuntimeError for a refusal."""
    loop = asyncio.get_running_loop()
    callers = [Caller(target.request(message, number)) for number in range(clients)]
    for each in callers:
        await loop.create_connection(lambda each=each: each, "127.0.0.1", target.port)
    until = time.monotonic() + seconds
    while not (failure := "".join(each.failure for each in callers)):
        await asyncio.sleep(0.05)
        slowest = min(each.answered for each in callers)
        if time.monotonic() > until and (slowest >= 2 or time.monotonic() > until + LASTS_AT_MOST_S):
            break
    for each in callers:
        each.transport.close()
    if failure:
        raise RuntimeError(failure)
    return sum(each.answered for each in callers)
