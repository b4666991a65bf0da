"""No field of a request makes the server fetch an address: a listener on this machine never hears of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import Api
from tests.live import Web
from tests.people import make_user


class Listener:
    """Counts who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return
            self.visits += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


def spellings(port: int) -> list[str]:
    hosts = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:7f00:1]",
        "0",
        "2130706433",
        "017700000001",
        "good@127.0.0.1",
    ]
    return [f"http://{host}:{port}/x.png" for host in hosts] + [f"//127.0.0.1:{port}/x", "file:///etc/passwd"]


def bodies(address: str) -> list[tuple[str, dict[str, Any]]]:
    """Return requests with the address wherever a text goes that another program might follow."""
    ask = {"message": f"![x]({address}) <{address}> [[pace:fast]] [[words:2]]"}
    schema = {"$schema": address, "$id": address, "$ref": address}
    return [
        ("/chat", ask),
        ("/chat", {**ask, "model": address}),
        ("/chat", {**ask, "fallback_models": [address]}),
        ("/chat", {**ask, "preset": address}),
        ("/chat", {**ask, "attachments": [address]}),
        ("/chat", {**ask, "base_url": address}),
        ("/chat/structured", {**ask, "schema": schema}),
        ("/images/generate", {"prompt": address, "input_image": address}),
        ("/presets", {"name": "x", "model": address, "system_prompt": address}),
        ("/quotations/check", {"text": address}),
    ]


def test_no_text_that_is_an_address_is_followed(live: Web, listener: Listener) -> None:
    api = Api(live, make_user(plan="premium"))
    for number, address in enumerate(spellings(listener.port)):
        for path, body in bodies(address) if number == 0 else bodies(address)[4:]:
            response = api.post(path, **body)
            assert response.status_code < 500, (path, body)
            assert "root:" not in response.text
    headers = {"X-Forwarded-Host": f"127.0.0.1:{listener.port}", "Referer": spellings(listener.port)[0]}
    api.http.get("/auth/me", headers=headers)
    assert listener.visits == 0
