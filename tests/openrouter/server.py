"""A tiny HTTP server that answers with scripted bytes, down to the reads they arrive in."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

CUT = object()
"""A step: breaks the connection."""
HOLD = object()
"""A step: says nothing more until the client leaves."""

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


@dataclass
class Reply:
    steps: tuple[Any, ...]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ScriptedServer:
    """Answers the first request with the first reply, and so on; the last one is repeated.

    Steps: bytes are sent as one piece, a number is a pause in seconds.
    """

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.connections = 0
        self.left = asyncio.Event()
        self.url = ""

    def answers(self, *steps: Any, status: int = 200, headers: dict[str, str] = SSE) -> None:
        self.replies.append(Reply(steps, status, headers))

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api/v1"

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._exchange(reader, writer):
                pass
        writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append(Request(head[0].split()[1], headers, body))
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        lines = [f"HTTP/1.1 {reply.status} Scripted", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for step in reply.steps:
            if step is CUT:
                await writer.drain()
                writer.close()
                return False
            if step is HOLD:
                await reader.read()
                self.left.set()
                return False
            if isinstance(step, bytes):
                writer.write(b"%x\r\n%b\r\n" % (len(step), step))
                await writer.drain()
            else:
                await asyncio.sleep(step)
        writer.write(b"0\r\n\r\n")
        return True


def data(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(content: str | None = None, *, finish: str | None = None, **extra: Any) -> bytes:
    """One chunk in the form OpenRouter sends."""
    delta = {"role": "assistant"} | ({} if content is None else {"content": content})
    delta |= extra.pop("delta", {})
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "maker/model"}
    return data(body | {"provider": "Host", "choices": [choice]} | extra)


USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 10,
    "total_tokens": 19,
    "cost": 7.35e-06,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
DONE = b"data: [DONE]\n\n"
FINISH = chunk("", finish="stop")
COMMENT = b": OPENROUTER PROCESSING\n\n"
