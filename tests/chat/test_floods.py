"""A socket that is closed for saying too much leaves nothing behind, and one person opens only so many."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any
from uuid import uuid4

import pytest

from chat import consumers
from chat.consumers import FLOODING, ChatConsumer, is_allowed_origin
from imagery import watching
from wisqu.accounts import connections, doors
from wisqu.accounts.credentials import Credential
from wisqu.accounts.doors import MOST_SOCKETS
from wisqu.telemetry import metrics


class Socket:
    """What the server is to a consumer: frames to read, and what it answered; nothing may be said after a close."""

    def __init__(self, *frames: str) -> None:
        self.coming = deque([{"type": "websocket.connect"}])
        self.coming += [{"type": "websocket.receive", "text": frame} for frame in frames]
        self.sent: list[dict[str, Any]] = []
        self.is_gone = False
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self.coming:
            await self.left.wait()
            return {"type": "websocket.disconnect", "code": 1000}
        return self.coming.popleft()

    async def send(self, message: dict[str, Any]) -> None:
        if self.sent and self.sent[-1]["type"] == "websocket.close":
            raise RuntimeError("said something after the close")
        if self.is_gone:
            raise OSError
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.left.set()

    async def serve(self) -> None:
        await ChatConsumer()({"type": "websocket", "headers": []}, self.receive, self.send)

    @property
    def code(self) -> int | None:
        return self.sent[-1].get("code")


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    class Person:
        pk = uuid4()

    async def resolve(scope: Any) -> tuple[Any, Credential]:
        return Person, Credential(kind="key", id=str(uuid4()), epoch=0)

    monkeypatch.setattr(consumers, "resolve_scope", resolve)
    monkeypatch.setattr(doors, "keeper", doors.Doorkeeper(lambda: 0.0))
    monkeypatch.setattr(connections, "find_revoked", lambda asked: set())
    monkeypatch.setattr(watching, "listen", lambda *_: None)


def left_behind() -> tuple[int, float]:
    return len(doors.keeper.inside), metrics.SOCKETS_OPEN._value.get()


async def test_a_flood_is_closed_once_and_leaves_nothing_behind() -> None:
    before = left_behind()
    socket = Socket(*['{"type":"ping"}'] * 300)
    await asyncio.wait_for(socket.serve(), 5)
    assert socket.code == FLOODING
    assert len(socket.sent) == 1 + 60 + 1
    assert left_behind() == before
    again = Socket()
    await asyncio.wait_for(again.serve(), 5)
    assert again.code == FLOODING
    assert left_behind() == before


async def test_a_credential_that_does_not_hold_any_more_is_forgotten_at_the_door(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def resolve(scope: Any) -> None:
        return None

    disowned: list[Any] = []
    monkeypatch.setattr(consumers, "resolve_scope", resolve)
    monkeypatch.setattr(doors.keeper, "disown", disowned.append)
    socket = Socket()
    socket.left.set()
    await asyncio.wait_for(socket.serve(), 60)
    assert (socket.code, len(disowned)) == (consumers.NOT_SIGNED_IN, 1)


async def test_no_frame_goes_by_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def in_executor(*_: Any) -> None:
        raise AssertionError("a hop for each frame")

    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", in_executor)
    socket = Socket(*['{"type":"ping"}'] * 3)
    socket.left.set()
    await asyncio.wait_for(socket.serve(), 5)
    assert [each["type"] for each in socket.sent] == ["websocket.accept", *["websocket.send"] * 3]


async def test_a_client_that_leaves_while_it_is_answered_leaves_nothing_behind() -> None:
    before = left_behind()
    socket = Socket('{"type":"ping"}')
    serving = asyncio.ensure_future(socket.serve())
    while len(socket.sent) < 2:
        await asyncio.sleep(0)
    socket.is_gone = True
    socket.coming.append({"type": "websocket.receive", "text": '{"type":"ping"}'})
    socket.left.set()
    await asyncio.wait_for(serving, 60)
    assert left_behind() == before


async def test_one_person_has_so_many_sockets_and_no_more() -> None:
    sockets = [Socket() for _ in range(MOST_SOCKETS + 3)]
    serving = [asyncio.ensure_future(each.serve()) for each in sockets]
    async with asyncio.timeout(5):
        while not all(each.sent for each in sockets) or len(doors.keeper.inside) < 1:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert [each.code for each in sockets].count(FLOODING) == 3
    for each in sockets:
        each.left.set()
    await asyncio.wait_for(asyncio.gather(*serving), 5)
    again = Socket()
    again.left.set()
    await asyncio.wait_for(again.serve(), 5)
    assert again.code is None


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("https://chat.example.org", "chat.example.org", True),
        ("https://chat.example.org:8443", "chat.example.org:8443", True),
        ("http://chat.example.org", "chat.example.org", False),
        ("https://evil.example", "chat.example.org", False),
        ("https://evil.example", "evil.example", False),
        ("https://chat.example.org.evil.example", "chat.example.org", False),
        ("https://chat.example.org@evil.example", "chat.example.org", False),
        ("null", "chat.example.org", False),
        ("", "chat.example.org", False),
    ],
)
def test_a_served_sites_sockets_are_opened_by_its_own_pages_alone(
    settings: Any, origin: str, host: str, allowed: bool
) -> None:
    settings.SESSION_COOKIE_SECURE, settings.ALLOWED_HOSTS = True, ["chat.example.org"]
    scope = {"headers": [(b"origin", origin.encode()), (b"host", host.encode())]}
    assert is_allowed_origin(scope) is allowed
