"""An OpenRouter whose models fail: one in ten tries, before the first word, in the middle, or by silence.

`answer=SEED words=N` in a question gives N words that are the same for the same seed. `models` are tried one after the
other while the failure comes before the first word, as OpenRouter does. An unfinished answer is gone on with; a model
that was told to repeat the last words does so, says something before it, begins again from the start, or doesn't care.
`python -m bench.unreliable PORT SHARE SEED`.
"""

import asyncio
import random
import re
import sys
from typing import Any

import msgspec
import uvloop

from bench.upstream import HEAD, framed

_WISH = re.compile(r"answer=(\d+) words=(\d+)")
_VOCABULARY = re.findall(
    r"\S+",
    "the of and in to a is that was for it with as his on be at by had not are but from or have an they which one "
    "you were all her she there would their we him been has when who will no more if out so up said what its about "
    "than into them can only other time new some could these two may first then do الله من في على إن كان قال عن ما هذا "
    'the the of of and and **bold** (see) "well" end. Then, first; last: 1 2 3 12 123',
)
PAUSE_S = 0.002
BEFORE, MIDDLE, SILENT_BEFORE, SILENT_MIDDLE = "before", "middle", "silent before", "silent in the middle"


def answer(seed: int, words: int) -> list[str]:
    """Return the answer of a seed, in the pieces that a stream sends."""
    chance = random.Random(seed)
    pieces = [chance.choice(_VOCABULARY)]
    while len(pieces) < words:  # words come again and again, but not twice in a row
        pieces += [word for word in (chance.choice(_VOCABULARY),) if word != pieces[-1]]
    return [pieces[0], *(chance.choice(("\n\n", "\n- ", " ", " ", " ", " ")) + piece for piece in pieces[1:])]


def question(seed: int, words: int) -> str:
    """Return a question that is answered so."""
    return f"answer={seed} words={words}"


class Chance:
    """Which try fails, and how."""

    def __init__(self, share: float, seed: int) -> None:
        self._share, self._random = share, random.Random(seed)
        self.tries = self.failures = 0

    def draw(self) -> str:
        """Return how this try of a model fails, empty when it doesn't. The three ways are as common."""
        self.tries += 1
        if self._random.random() >= self._share:
            return ""
        self.failures += 1
        return self._random.choice((BEFORE, BEFORE, MIDDLE, MIDDLE, SILENT_BEFORE, SILENT_MIDDLE))

    def place(self, pieces: int) -> int:
        """Return after how many pieces it happens."""
        return self._random.randrange(1, max(2, pieces))

    def repetition(self, text: str, end: str) -> str | None:
        """Return what a model that was told to repeat `end` says first; None: it goes on without a blank."""
        return self._random.choice((end, end, end, end, "Here is the rest:\n\n" + end, text, None))

    def is_quiet(self) -> bool:
        """Whether a connection is cut rather than an error sent."""
        return self._random.random() < 0.5


class Answering(asyncio.Protocol):
    """One connection; its requests are answered one after the other."""

    chance: Chance
    served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.loop = asyncio.get_running_loop()
        self.received = b""
        self.timer: asyncio.Handle | None = None

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, gap, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not gap or len(body) < int(length[1] if length else 0):
            return
        self.received = b""
        if body:
            self._begin(msgspec.json.decode(body))
        else:  # who only wants to know whether we are there
            self.transport.write(b"HTTP/1.1 404 Not found\r\ncontent-length: 0\r\n\r\n")

    def _begin(self, request: dict[str, Any]) -> None:
        for model in [request.get("model", ""), *request.get("models", [])]:
            failure = self.chance.draw()
            if failure != BEFORE:
                self._answer(request, model, failure)
                return
        body = b'{"error":{"code":503,"message":"down","metadata":{"error_type":"provider_unavailable"}}}'
        self.transport.write(
            b"HTTP/1.1 503 Down\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def _answer(self, request: dict[str, Any], model: str, failure: str) -> None:
        Answering.served += 1
        self.model, self.failure = model, failure
        self.name = f"gen-1786000000-{Answering.served:08d}"
        self.pieces = self._rest(request.get("messages", []))
        self.at = self.chance.place(len(self.pieces)) if failure in (MIDDLE, SILENT_MIDDLE) else -1
        self.sent = 0
        self.transport.write(HEAD % self.name.encode())
        if failure != SILENT_BEFORE:
            self._send()

    def _rest(self, messages: list[dict[str, Any]]) -> list[str]:
        wishes = [_WISH.search(each["content"]) for each in messages]
        wish = next(each for each in wishes if each)
        pieces = answer(int(wish[1]), int(wish[2]))
        begun = next((each["content"] for each in messages if each["role"] == "assistant"), None)
        if begun is None:
            return pieces
        left, rest = len(begun), []
        for piece in pieces:
            if left < len(piece):
                rest.append(piece[max(0, left) :])
            left -= len(piece)
        if messages[-1]["role"] == "assistant":
            return rest
        said = self.chance.repetition(begun, messages[-1]["content"].partition(":\n")[2])
        return [rest[0].lstrip(" "), *rest[1:]] if said is None and rest else [said or "", *rest]

    def _send(self) -> None:
        if self.sent == self.at:
            self._fail()
        elif self.sent < len(self.pieces):
            self._chunk({"content": self.pieces[self.sent]})
            self.sent += 1
            self.timer = self.loop.call_later(PAUSE_S, self._send)
        else:
            self._chunk(
                {"content": ""}, finish_reason="stop", usage={"prompt_tokens": 20, "completion_tokens": 9}
            )
            self.transport.write(framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    def _chunk(self, delta: dict[str, str], *, finish_reason: str | None = None, **more: Any) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {"id": self.name, "model": self.model, "provider": "Bench", "choices": [choice], **more}
        self.transport.write(framed(b"data: " + msgspec.json.encode(chunk) + b"\n\n"))

    def _fail(self) -> None:
        if self.failure == SILENT_MIDDLE:
            return  # until the client leaves
        if not self.chance.is_quiet():
            self._chunk({"content": ""}, finish_reason="error", error={"code": 502, "message": "gone"})
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()


async def serve(port: int, share: float, seed: int) -> None:
    """Answer on loopback until the process is ended."""
    Answering.chance = Chance(share, seed)
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
