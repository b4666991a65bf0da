"""The shipped server's patience: who trickles is cut off, who only is slow is not, who floods is closed with 1008."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from tests import leaping
from wisqu import patience, serve

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: d2lzcXUgYmVuY2htYXJrIQ==\r\n\r\n"
)
MOST = 20_000_000
GIVEN_UP_S = 300


class App:
    """Reads a request and answers `ok`, after a while or with very much; answers what a websocket says."""

    def __init__(self, *, waits_s: float = 0.0, sends: int = 2) -> None:
        self.waits_s, self.sends = waits_s, sends
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await (
                self._listen(receive, send) if scope["type"] == "websocket" else self._answer(receive, send)
            )
        finally:
            self.ended.set()

    async def _answer(self, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        if message["type"] == "http.disconnect":
            return
        await asyncio.sleep(self.waits_s)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(0, self.sends, 50_000):
            body = b"k" * min(self.sends, 50_000)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})

    async def _listen(self, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(self.waits_s)
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": b"k" * self.sends})


@asynccontextmanager
async def served(app: App) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    options = {"http": "wisqu.patience:PatientRequests", "ws": "wisqu.patience:PatientSockets"}
    config = Config(app, log_config=None, access_log=False, ws_max_size=100_000, **options)  # type: ignore[arg-type]
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]
        "127.0.0.1",
        0,
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def trickled(start: bytes, more: bytes, *, pause_s: float) -> bytes:
    """Send the start, then the rest byte by byte until the server has had enough; return what it said."""
    async with served(App()) as (reader, writer):
        writer.write(start)
        answer = asyncio.ensure_future(reader.read())
        for at in range(len(more)):
            await asyncio.sleep(pause_s)
            if answer.done():
                break
            writer.write(more[at : at + 1])
        return await asyncio.wait_for(answer, GIVEN_UP_S)


def frame(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    mask = os.urandom(4)
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
    return bytes([opcode | 0x80 * fin]) + size + mask + bytes(b ^ mask[at % 4] for at, b in enumerate(data))


async def close_code(said: bytes, *, sends: int = 2, handshake: bytes = HANDSHAKE) -> int:
    """Say it all at once and return the code of the close frame that comes last."""
    app = App(sends=sends)
    async with served(app) as (reader, writer):
        writer.write(handshake)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        answer = await asyncio.wait_for(reader.read(), GIVEN_UP_S)
        await asyncio.wait_for(app.ended.wait(), GIVEN_UP_S)
    at = answer.rindex(b"\x88")
    return int(struct.unpack_from(">H", answer, at + 2)[0])


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\n", b"x" * 99),
        (b"", b"\r\n" * 99),
        (GET, b"GET / HTTP/1.1\r\nhost" * 9),
        (POST % 99, b"x" * 99),
        (GET + POST % 99, b"x" * 99),
    ],
    ids=["head", "nothing but line ends", "second head", "body", "second body"],
)
def test_who_trickles_a_request_is_cut_off(start: bytes, more: bytes) -> None:
    answer = leaping.run(trickled(start, more, pause_s=1))
    assert answer.endswith(patience.TIMED_OUT)


def test_who_says_nothing_is_cut_off_without_a_word() -> None:
    async def run() -> bytes:
        async with served(App()) as (reader, _):
            return await asyncio.wait_for(reader.read(), GIVEN_UP_S)

    assert leaping.run(run()) == b""


def test_a_head_without_an_end_is_not_kept() -> None:
    answer = leaping.run(trickled(GET[:-2] + b"x: " + b"y" * 70_000, b"", pause_s=1))
    assert answer == patience.TOO_LONG


def test_a_slow_body_that_comes_along_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SLOWEST", 0.1)
    answer = leaping.run(trickled(POST % 12, b"x" * 12, pause_s=5))
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_slow_answer_is_not_the_clients_fault() -> None:
    async def run() -> bytes:
        async with served(App(waits_s=100)) as (reader, writer):
            writer.write(GET + b"\r\n")  # some clients end a body with a line of their own
            await asyncio.sleep(1)
            writer.write(b"\r\n")
            return await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), GIVEN_UP_S)

    assert leaping.run(run()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("is_socket", [False, True], ids=["stream", "websocket"])
def test_a_reader_who_takes_nothing_is_cut_off(is_socket: bool) -> None:
    async def run() -> None:
        app = App(sends=MOST)
        async with served(app) as (reader, writer):
            if is_socket:
                writer.write(HANDSHAKE)
                await reader.readuntil(b"\r\n\r\n")
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(frame(2, b"x") if is_socket else GET)
            await asyncio.wait_for(app.ended.wait(), GIVEN_UP_S)

    leaping.run(run())


@pytest.mark.parametrize(
    "said",
    [
        frame(1, b"{}") * 3000,
        frame(9, b"ping") * 3000,
        frame(1, b"", fin=False) + frame(0, b"", fin=False) * 3000,
    ],
    ids=["messages", "pings", "pieces"],
)
def test_a_flood_of_frames_is_closed_with_1008(said: bytes) -> None:
    assert leaping.run(close_code(said)) == 1008


def test_a_message_of_too_many_bytes_in_pieces_is_closed_with_1009() -> None:
    said = frame(1, b"", fin=False) + frame(0, b"x" * 60_000, fin=False) * 30
    assert leaping.run(close_code(said)) == 1009


@pytest.mark.parametrize(
    "said",
    [
        frame(1, b"\xff"),
        frame(1, b"\xc3") + frame(1, b"{}") * 99,
        frame(1, b"{", fin=False) + frame(0, b"\xa9", fin=True),
        frame(1, b"{}") * 9 + frame(1, "\u0644".encode()[:1]),
    ],
    ids=["whole", "and more", "in pieces", "after good ones"],
)
def test_a_text_that_is_none_is_closed_with_1007_and_says_nothing_in_the_log(
    said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="wisqu")
    assert leaping.run(close_code(said)) == 1007
    said_by = [(each.name, each.levelname) for each in caplog.records if each.levelname != "INFO"]
    assert [each for each in said_by if each[0] != "asyncio"] == [("wisqu.patience", "DEBUG")]


def test_who_talks_nonsense_before_the_handshake_is_over_fills_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> bytes:
        app = App(waits_s=1)
        async with served(app) as (reader, writer):
            writer.write(HANDSHAKE)
            await asyncio.sleep(0.5)
            writer.write(frame(1, b"\xff"))
            answer = await asyncio.wait_for(reader.read(), GIVEN_UP_S)
            await asyncio.wait_for(app.ended.wait(), GIVEN_UP_S)
            return answer

    assert leaping.run(run()) == b""
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


def test_a_letter_may_be_parted_between_pieces_of_a_text() -> None:
    letter = "\u0644".encode()
    said = frame(1, letter[:1], fin=False) + frame(0, letter[1:])
    assert leaping.run(close_code(said + frame(8, b"\x03\xe8"))) == 1000


class Doors:
    """Lets in so many, and remembers whom it was asked about and who flooded."""

    def __init__(self, *, lets_in: int) -> None:
        self.lets_in = lets_in
        self.asked: list[Any] = []
        self.flooders: list[Any] = []

    def refusal(self, scope: Any) -> patience.Refusal | None:
        self.asked.append(scope)
        return None if len(self.asked) <= self.lets_in else patience.Refusal(4429, "later", "wisqu.v1")

    def flooded(self, scope: Any) -> None:
        self.flooders.append(scope)


def facts(scope: Any) -> tuple[Any, ...]:
    headers = dict(scope["headers"])
    return scope["path"], headers[b"cookie"], headers[b"origin"], scope["subprotocols"]


NAMED = HANDSHAKE.replace(b"/ws HTTP", b"/w%73?a HTTP").replace(
    b"host: a",
    b"Host: a\r\nCookie: a=b; c=d\r\nOrigin: https://a\r\n"
    b"Sec-WebSocket-Protocol: wisqu.v1\r\nSec-WebSocket-Protocol: bearer.x",
)


async def turned_away(handshake: bytes) -> tuple[bytes, bool]:
    """Shake hands and talk on; return all that is answered, and whether the application heard of it."""
    app = App()
    async with served(app) as (reader, writer):
        writer.write(handshake)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(1, b"x" * 100) * 50)
        return head + await asyncio.wait_for(reader.readuntil(b"later"), GIVEN_UP_S), app.ended.is_set()


def test_who_is_turned_away_is_told_so_and_the_application_never_hears_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "_doors", [Doors(lets_in=0)])
    answer, was_heard = leaping.run(turned_away(NAMED))
    head, _, last = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Accept: owL+ov2mm8aCp2j31IR8YJ6QOqs=\r\n" in head
    assert head.endswith(b"\r\nSec-WebSocket-Protocol: wisqu.v1")
    assert last == b"\x88\x07" + struct.pack(">H", 4429) + b"later"
    assert not was_heard


def test_a_protocol_that_was_not_offered_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_doors", [Doors(lets_in=0)])
    answer, _ = leaping.run(turned_away(HANDSHAKE))
    assert b"Sec-WebSocket-Protocol" not in answer


@pytest.mark.parametrize(
    "said",
    [frame(9, b"") * 3000, frame(1, b"", fin=False) + frame(0, b"x" * 60_000, fin=False) * 30],
    ids=["1008", "1009"],
)
def test_the_doors_hear_who_flooded_as_they_heard_who_came(
    monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    doors = Doors(lets_in=1)
    monkeypatch.setattr(patience, "_doors", [doors])
    leaping.run(close_code(said, handshake=NAMED))
    assert [facts(each) for each in doors.flooders] == [facts(doors.asked[0])]
    assert facts(doors.asked[0]) == ("/ws", b"a=b; c=d", b"https://a", ["wisqu.v1", "bearer.x"])


def test_the_shipped_server_has_this_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    from wisqu import env

    options = serve.options(env.load())
    config = Config("wisqu.asgi:application", http=options["http"], ws=options["ws"], log_config=None)
    config.app = lambda *_: None
    config.load()
    found = (config.http_protocol_class, config.ws_protocol_class)
    assert found == (patience.PatientRequests, patience.PatientSockets)
