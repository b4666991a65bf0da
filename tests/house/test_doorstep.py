"""A server that closes its port: whoever is on the doorstep, or about to ask on a kept connection, is answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from tests import leaping
from tests.house.test_patience import GET, HANDSHAKE, App
from wisqu import doorstep, patience
from wisqu.api import draining


@pytest.fixture(autouse=True)
def ends() -> Iterator[None]:
    draining.begin(within_s=60)
    yield
    draining.forget()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[uvicorn.Server, int]]:
    config = uvicorn.Config(
        App(), port=0, lifespan="off", log_config=None, access_log=False,
        http="wisqu.patience:PatientRequests", ws="wisqu.patience:PatientSockets",
    )  # fmt: skip
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server, server.servers[0].sockets[0].getsockname()[1]
    await server.shutdown()


async def came_unseen(*, is_let_in: bool) -> bytes:
    """Come and ask while the server is busy with something else, which then closes its port."""
    async with serving() as (server, port):
        visitor = socket.create_connection(("127.0.0.1", port))
        visitor.sendall(GET)
        if is_let_in:
            await doorstep.close(server)
        for listener in server.servers:
            listener.close()
        visitor.setblocking(False)
        with visitor:
            return await asyncio.get_running_loop().sock_recv(visitor, 1000)


def test_a_port_that_is_just_closed_resets_who_was_not_seen_yet() -> None:
    with pytest.raises(ConnectionResetError):
        leaping.run(came_unseen(is_let_in=False))


def test_who_was_not_seen_yet_is_let_in_before_the_port_is_closed() -> None:
    assert leaping.run(came_unseen(is_let_in=True)).startswith(b"HTTP/1.1 200 ")


def test_a_crowd_that_never_ends_does_not_keep_the_port_open(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd: list[socket.socket] = []
    look = doorstep._come

    def look_again(listener: Any) -> list[socket.socket]:
        crowd.append(socket.create_connection(listener.sockets[0].getsockname()[:2]))
        return look(listener)

    async def close() -> None:
        async with serving() as (server, _):
            await doorstep.close(server)

    monkeypatch.setattr(doorstep, "_come", look_again)
    leaping.run(close())
    assert len(crowd) == doorstep.MOST_ROUNDS
    for each in crowd:
        each.close()


def test_nobody_is_let_in_after_it_was_closed() -> None:
    async def come_late() -> None:
        async with serving() as (server, port):
            await doorstep.close(server)
            await asyncio.open_connection("127.0.0.1", port)

    with pytest.raises(ConnectionRefusedError):
        leaping.run(come_late())


async def said_late(words: bytes, *, after_s: float, before: bytes = b"") -> bytes:
    """Say something on a connection made earlier, so long after the port was closed; return what comes then."""
    async with serving() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if before:
            writer.write(before)
            await reader.readuntil(b"0\r\n\r\n")
        await doorstep.close(server)
        leaving = asyncio.ensure_future(server.shutdown())
        await asyncio.sleep(after_s)
        writer.write(words)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            await leaving


@pytest.mark.parametrize("before", [b"", GET], ids=["new", "kept"])
def test_a_connection_may_still_ask_for_a_moment(before: bytes) -> None:
    asks = GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    answer = leaping.run(said_late(asks, after_s=patience.LAST_CALL_S / 2, before=before))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert leaping.run(said_late(asks, after_s=patience.LAST_CALL_S * 2, before=before)) == b""


def test_a_websocket_is_sent_elsewhere_in_that_moment() -> None:
    answer = leaping.run(said_late(HANDSHAKE, after_s=patience.LAST_CALL_S / 2))
    assert int.from_bytes(answer.partition(b"\r\n\r\n")[2][2:4], "big") == 1012
