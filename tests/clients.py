"""What tests use instead of a browser or somebody's program: HTTP, server-sent events and websocket frames."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.live import Web
from wisqu.accounts.models import User
from wisqu.accounts.tokens import open_family

TIMEOUT_S = 30.0


class Api:
    """One person's program, signed in with an access token."""

    def __init__(self, web: Web, user: User) -> None:
        self.web = web
        self.token = open_family(user).access
        self.http = httpx.Client(
            base_url=f"{web.url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    def ask(self, message: str, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """POST /chat, waiting for the whole answer."""
        return self.http.post("/chat", json={"message": message, **fields}, headers=headers)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        return self.http.post(path, json=fields)

    def usage(self) -> dict[str, Any]:
        """GET /subscriptions/usage."""
        return self.get("/subscriptions/usage").json()

    def stream(self, message: str, **fields: Any) -> list[dict[str, Any]]:
        """Ask and read every event."""
        with self.streaming(message, **fields) as events:
            return list(events)

    @contextmanager
    def streaming(self, message: str, **fields: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """Ask; yields the events as they come. Leaving the block leaves the stream."""
        body = {"message": message, "stream": True, **fields}
        with self.http.stream("POST", "/chat", json=body) as response:
            assert response.status_code == 200, response.read()
            yield read_events(response)

    @contextmanager
    def joining(self, turn_id: str, *, after: int = 0) -> Iterator[Iterator[dict[str, Any]]]:
        """Follow a turn from after that event."""
        headers = {"Last-Event-ID": str(after)}
        with self.http.stream("GET", f"/chat/turns/{turn_id}/events", headers=headers) as response:
            assert response.status_code == 200, response.read()
            yield read_events(response)

    def join(self, turn_id: str, *, after: int = 0) -> list[dict[str, Any]]:
        """Follow a turn to its end."""
        with self.joining(turn_id, after=after) as events:
            return list(events)

    @contextmanager
    def socket(self, **options: Any) -> Iterator[Socket]:
        """Open a websocket with the token as a subprotocol."""
        protocols = ["wisqu.v1", f"bearer.{self.token}"]
        with connect(
            f"{self.web.ws_url}/ws/chat", subprotocols=protocols, proxy=None, **options
        ) as connection:
            yield Socket(connection)


class Socket:
    """A websocket in JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, **frame: Any) -> None:
        self.connection.send(json.dumps(frame))

    def receive(self, timeout: float = TIMEOUT_S) -> dict[str, Any]:
        return json.loads(self.connection.recv(timeout=timeout))

    def until(self, *types: str) -> list[dict[str, Any]]:
        """Return the frames up to the first of these types."""
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["type"] not in types:
            frames.append(self.receive())
        return frames


def read_events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """Yield the data of server-sent events, with their number as `seq`."""
    seq = 0
    for line in response.iter_lines():
        if line.startswith("id: "):
            seq = int(line[4:])
        elif line.startswith("data: "):
            yield {"seq": seq, **json.loads(line[6:])}


def text_of(events: list[dict[str, Any]]) -> str:
    """Return the text that a reader of these events holds."""
    return "".join(event["content"] for event in events if event["type"] == "content")
