"""The OpenRouter of the benchmarks: as little work as a server can do, so that others are what is measured.

Each question says what it wants: `bench tokens=500 pause=10 stamped=1` in its last message gives 500 chunks, one
each 10 ms. Token n reads ` t<n>`, with `size=N` and so many letters more; a stamped one reads ` t<n>@<ns>` with the
monotonic clock of its sending, which every process of the machine shares. `python -m bench.upstream PORT`.
"""

import asyncio
import re
import sys
import time

import uvloop

WISH = re.compile(rb"bench tokens=(\d+) pause=(\d+) stamped=([01])(?: size=(\d+))?")
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-generation-id: %b\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
LAST_WORDS = (
    b'data: {"id":"%b","object":"chat.completion.chunk","created":1786000000,"model":"openai/gpt-4o-mini",'
    b'"provider":"Azure","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop",'
    b'"native_finish_reason":"stop","logprobs":null}]}\n\n'
    b'data: {"id":"%b","object":"chat.completion.chunk","created":1786000000,"model":"openai/gpt-4o-mini",'
    b'"provider":"Azure","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":%d,"total_tokens":%d,'
    b'"cost":0.0001,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}'
    b"\n\ndata: [DONE]\n\n"
)


def question(*, tokens: int, pause_ms: int, stamped: bool = False, size: int = 0) -> str:
    """Return a message that this upstream answers so."""
    more = f" size={size}" if size else ""
    return f"bench tokens={tokens} pause={pause_ms} stamped={int(stamped)}{more}"


def chunk(generation_id: bytes, text: bytes) -> bytes:
    """Return one chunk of an answer in OpenRouter's form, framed for HTTP."""
    line = (
        b'data: {"id":"%b","object":"chat.completion.chunk","created":1786000000,"model":"openai/gpt-4o-mini",'
        b'"provider":"Azure","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":"%b"},'
        b'"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}\n\n' % (generation_id, text)
    )
    return framed(line)


def framed(line: bytes) -> bytes:
    """Return bytes as one chunk of HTTP's chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(line), line)


class Answering(asyncio.Protocol):
    """One connection; its requests are answered one after the other."""

    served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.received = b""
        self.timer: asyncio.Handle | None = None

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, gap, body = self.received.partition(b"\r\n\r\n")
        if not gap:
            return
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if len(body) < int(length[1] if length else 0):
            return
        self.received = b""
        wishes = WISH.findall(body)
        self._answer(*(int(number or 0) for number in (wishes[-1] if wishes else (b"20", b"10", b"0", b""))))

    def _answer(self, tokens: int, pause_ms: int, stamped: int, size: int) -> None:
        Answering.served += 1
        self.generation_id = b"gen-1786000000-%08d" % Answering.served
        self.tokens, self.sent, self.stamped = tokens, 0, bool(stamped)
        self.padding = b"x" * size
        self.pause = pause_ms / 1000
        self.due = self.loop.time()
        self.transport.write(HEAD % self.generation_id)
        self._send()

    def _send(self) -> None:
        write, pause = self.transport.write, self.pause
        while self.sent < self.tokens:
            text = b" t%d%b" % (self.sent, self.padding)
            if self.stamped:
                text += b"@%d" % time.monotonic_ns()
            write(chunk(self.generation_id, text))
            self.sent += 1
            if pause:
                self.due += pause
                self.timer = self.loop.call_at(self.due, self._send)
                return
        name = self.generation_id
        write(framed(LAST_WORDS % (name, name, self.tokens, self.tokens + 20)) + b"0\r\n\r\n")

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()


async def serve(port: int) -> None:
    """Answer on loopback until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", port, backlog=2048)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
