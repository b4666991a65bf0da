"""How many chunks a second of CPU the OpenRouter client alone reads: 50 streams, a chunk each 10 ms.

Run as `python -m bench.openrouter_stream`. The upstream is another process: its CPU time is not counted.
"""

import asyncio
import json
import resource
import sys
import time

import uvloop

from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.types import ChatRequest, Message

STREAMS, CHUNKS, PAUSE = 50, 500, 0.01
ASK = ChatRequest("maker/model", (Message.text("user", "hello"),))


def chunk(content: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": finish}
    body = {"id": "gen-1786000000-Ab12", "object": "chat.completion.chunk", "created": 1786000000}
    body |= {"model": "openai/gpt-4o-mini", "provider": "Azure", "choices": [choice | {"logprobs": None}]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    line = chunk(" word")
    due = time.perf_counter()
    for _ in range(CHUNKS):
        writer.write(b"%x\r\n%b\r\n" % (len(line), line))
        due += PAUSE
        await asyncio.sleep(max(0, due - time.perf_counter()))
    end = chunk("", "stop") + b"data: [DONE]\n\n"
    writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end))
    writer.close()


async def serve() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(port: int) -> None:
    client = OpenRouter(api_key="sk-or-bench", base_url=f"http://127.0.0.1:{port}/api/v1")
    await client.connect()

    async def read() -> int:
        text = 0
        async with client.stream(ASK) as stream:
            async for delta in stream:
                text += len(delta.content)
        return text // len(" word")

    started = cpu_seconds()
    counts = await asyncio.gather(*(read() for _ in range(STREAMS)))
    spent = cpu_seconds() - started
    await client.close()
    print(
        json.dumps({"chunks": sum(counts), "cpu_s": round(spent, 3), "per_cpu_s": round(sum(counts) / spent)})
    )


async def main() -> None:
    upstream = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.openrouter_stream", "serve", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert upstream.stdout is not None
        await measure(int(await upstream.stdout.readline()))
    finally:
        upstream.kill()
        await upstream.wait()


if __name__ == "__main__":
    uvloop.run(serve() if sys.argv[1:] == ["serve"] else main())
