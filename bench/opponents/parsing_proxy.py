"""A bare proxy on uvloop that reads each chunk's JSON and writes the text on: no framework, no users, no storage.

Run as `python -m bench.opponents.parsing_proxy PORT UPSTREAM_PORT`.
"""

import asyncio
import sys

import msgspec
import uvloop

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
decode, encode = msgspec.json.decode, msgspec.json.encode


class Upstream(asyncio.Protocol):
    """The connection to the model's server, for one answer."""

    def __init__(self, request: bytes, client: asyncio.Transport) -> None:
        self.request, self.client, self.rest = request, client, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data: {"):
                self.pass_on(decode(line[6:]))
            elif line == b"data: [DONE]":
                self.client.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
                self.transport.close()

    def pass_on(self, chunk: dict) -> None:
        text = chunk["choices"][0]["delta"]["content"] if chunk["choices"] else ""
        if text:
            event = b"data: %b\n\n" % encode({"content": text})
            self.client.write(b"%x\r\n%b\r\n" % (len(event), event))


class Client(asyncio.Protocol):
    """The connection of somebody who asks."""

    port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        # The load generator's requests are small and come in one piece.
        if not data.startswith(b"POST"):
            self.transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        self.transport.write(HEAD)
        loop = asyncio.get_running_loop()
        asking = loop.create_connection(lambda: Upstream(data, self.transport), "127.0.0.1", self.port)
        self.asking = loop.create_task(asking)


async def serve(port: int, upstream_port: int) -> None:
    """Answer on loopback until the process is ended."""
    Client.port = upstream_port
    server = await asyncio.get_running_loop().create_server(Client, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
