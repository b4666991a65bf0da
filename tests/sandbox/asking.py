"""A sandbox in a thread, and the few ways in which the tests talk to it."""

import json
import socket
import threading
import time
from typing import Any

import httpx
import uvicorn
from pydantic import BaseModel

from wisqu.sandbox.app import create_app

MODEL = "openai/gpt-4o-mini"
CLAUDE = "anthropic/claude-sonnet-4.6"


class Sandbox:
    """A running sandbox and a client for it."""

    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.app = create_app()
        config = uvicorn.Config(self.app, log_level="critical", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        self.client = httpx.Client(
            base_url=f"{self.root}/api/v1",
            headers={"Authorization": "Bearer sk-or-sandbox"},
            timeout=60,
            trust_env=False,
        )

    def stop(self) -> None:
        self.client.close()
        self._server.force_exit = self._server.should_exit = True
        self._thread.join()

    def post(self, text: Any, *, path: str = "/chat/completions", **fields: Any) -> httpx.Response:
        """Ask without a stream; `[[pace:fast]]` is added to a text."""
        return self.client.post(path, json=body(text, **fields))

    def complete(self, text: Any, **fields: Any) -> dict[str, Any]:
        response = self.post(text, **fields)
        assert response.status_code == 200, response.text
        return response.json()

    def raw(self, text: Any, **fields: Any) -> bytes:
        """The bytes of a stream, all of them."""
        return self.post(text, stream=True, **fields).content

    def events(self, text: Any, **fields: Any) -> list[dict[str, Any]]:
        """The JSON of every data line."""
        return events_of(self.raw(text, **fields))

    def ledger(self, **filters: str) -> list[dict[str, Any]]:
        return self.client.get(f"{self.root}/sandbox/ledger", params=filters).json()["entries"]

    def last(self) -> dict[str, Any]:
        return self.ledger()[-1]

    def advance(self, seconds: float) -> None:
        self.client.post(f"{self.root}/sandbox/clock", json={"advance": seconds}).raise_for_status()

    def reset(self) -> None:
        self.client.post(f"{self.root}/sandbox/reset").raise_for_status()

    def settled(self, **filters: str) -> dict[str, Any]:
        """The one entry, once it has ended."""
        for _ in range(6000):
            (entry,) = self.ledger(**filters)
            if entry["outcome"] != "running":
                return entry
            time.sleep(0.01)
        raise AssertionError(f"still running: {entry}")


def body(text: Any, **fields: Any) -> dict[str, Any]:
    """A request body. A list is taken for the messages themselves."""
    messages = text if isinstance(text, list) else [{"role": "user", "content": f"[[pace:fast]] {text}"}]
    return {"model": MODEL, "messages": messages, **fields}


def events_of(raw: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix(b"data: ") for line in raw.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(c["delta"].get("content") or "" for event in events for c in event.get("choices", []))


def deltas(events: list[dict[str, Any]], name: str) -> list[Any]:
    """Everything the deltas brought under that name."""
    found = [c["delta"][name] for event in events for c in event["choices"] if c["delta"].get(name)]
    return [each for value in found for each in value]


def usage_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    (usage,) = [event["usage"] for event in events if "usage" in event]
    return usage


def checked(kind: type[BaseModel], value: dict[str, Any]) -> set[str]:
    """Validate with a model of the official SDK: nothing sent may be swallowed.

    Its nullable optionals turn a malformed value into `Unset` instead of refusing it, and its open unions
    into an unknown. Returns the names that the SDK does not know at all.
    """
    strange: set[str] = set()
    _compare(kind.model_validate(value), value, strange, kind.__name__)
    return strange


def _compare(read: Any, sent: Any, strange: set[str], where: str) -> None:
    assert type(read).__name__ not in ("Unset", "UnrecognizedStr"), f"{where} was swallowed: {sent!r}"
    assert not getattr(read, "is_unknown", False), f"{where} is unknown to the SDK: {sent!r}"
    if isinstance(sent, list):
        for index, (one, other) in enumerate(zip(read, sent, strict=True)):
            _compare(one, other, strange, f"{where}[{index}]")
    elif isinstance(sent, dict) and isinstance(read, BaseModel):
        names = {field.alias or name: name for name, field in type(read).model_fields.items()}
        strange |= {name for name in sent if name not in names}
        for name, value in sent.items():
            if name in names:
                _compare(getattr(read, names[name]), value, strange, f"{where}.{name}")
