"""Whatever is sent to the API, it is never the server's fault: requests made from its own document, and bytes."""

from __future__ import annotations

import json
import random
import time
import uuid
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

from tests.api.test_openapi import SNAPSHOT  # proven true there
from tests.clients import Api
from tests.live import Web
from tests.people import make_user

# PostgreSQL refuses more than SQLite does.
pytestmark = pytest.mark.postgres
# Examples for each operation and mode as long as there is time, then one; the order is shuffled, and always the same.
EXAMPLES, WITHIN_S = 3, 10.0
BODIES = [
    b"", b"\x00", b"{", b"[]", b"null", b"0", b'"x"', b"{}", b"\xff\xfe", b"[" * 5000, b'{"a":' * 5000, b"{}" * 5000,
    b'{"id": "\\ud800"}', b'{"message": {"a": []}}', b'{"ids": [{}]}', b'{"message": 1e999}', b"a=b&c=d",
    b"--x\r\n\r\n--x--",
]  # fmt: skip
TYPES = [
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/zip",
    "",
    "é",
    "a/b;" * 99,
]
TAKEN = ("Idempotency-Key", "Last-Event-ID", "Prefer")  # the headers that operations take
NAMES = ["%00", "..%2f..", "%ff", "0", "-1", "null", "'", "%F0%9F%92%A9", "a" * 3000, quote("﷽")]


@pytest.fixture
def api(live: Web) -> Api:
    return Api(live, make_user(plan="premium"))


def send(api: Api, case: Any) -> httpx.Response:
    """Send a made request; a question is answered without delay."""
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        body = {**body, "message": body["message"] + " [[pace:fast]] [[words:3]]", "stream": False}
    path = case.formatted_path.removeprefix("/api/v1")
    headers = {name: value for name, value in printable(case.headers).items() if name in TAKEN}
    request: dict[str, Any] = {"params": printable(case.query), "headers": headers}
    if case.media_type and body.__class__.__name__ != "NotSet":
        request["content"] = json.dumps(body, default=str).encode("utf-8", "surrogatepass")
        request["headers"] = {**request["headers"], "Content-Type": case.media_type}
    return api.http.request(case.method, path, **request)


def printable(values: Any) -> dict[str, str]:
    """Return what a header or query can hold; the rest is for the bytes below."""
    found = {str(name): str(value).strip() for name, value in (values or {}).items()}
    return {
        name: value
        for name, value in found.items()
        if name.isascii() and (name + value).isprintable() and value.isascii()
    }


def test_requests_made_from_the_document_meet_no_fault(api: Api) -> None:
    schema = schemathesis.openapi.from_dict(json.loads(SNAPSHOT.read_text(encoding="utf-8")))
    failures: list[tuple[str, int, str]] = []
    operations = [found.ok() for found in schema.get_all_operations()]
    random.Random(7).shuffle(operations)
    until = time.monotonic() + WITHIN_S
    for operation in operations:
        if not operation.label.startswith("DELETE /api/v1/auth/me"):
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                examples = EXAMPLES if time.monotonic() < until else 1
                run(operation.as_strategy(generation_mode=mode), api, failures, examples=examples)
    assert failures == []


def run(strategy: Any, api: Api, failures: list[tuple[str, int, str]], *, examples: int) -> None:
    @seed(11)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def each(case: Any) -> None:
        response = send(api, case)
        if response.status_code >= 500:
            failures.append(
                (f"{case.method} {case.formatted_path}", response.status_code, repr(case.body)[:300])
            )

    try:
        each()
    except Exception as error:
        # Some operations take nothing that could be wrong; anything else is a fault of the test.
        if type(error).__name__ not in ("Unsatisfiable", "SkipTest"):
            raise


def test_bytes_meet_no_fault(api: Api) -> None:
    chance = random.Random(23)
    paths = json.loads(SNAPSHOT.read_text(encoding="utf-8"))["paths"]
    failures = []
    for path, item in sorted(paths.items()):
        for verb in ("get", "post", "put", "patch", "delete"):
            if verb not in item or path.endswith("/auth/me"):
                continue
            name = chance.choice([*NAMES, str(uuid.uuid4())])
            address = "".join(part if n % 2 == 0 else name for n, part in enumerate(split(path)))
            headers = {
                "Content-Type": chance.choice(TYPES).encode(),
                "Idempotency-Key": chance.choice(["", "x" * 256, "é"]).encode(),
                "Accept": chance.choice(["*/*", "", "text/html;q=x", "application/json"]).encode(),
            }
            body = chance.choice(BODIES)
            response = api.http.request(
                verb, f"{address}?limit={name}&cursor={name}&q={name}", content=body, headers=headers
            )
            if response.status_code >= 500:
                failures.append((verb, address, body, response.status_code))
    assert failures == []


def split(path: str) -> list[str]:
    """Return a path's texts and the names in its braces, in turns."""
    return path.removeprefix("/api/v1").replace("}", "{").split("{")


def test_frames_meet_no_fault_and_never_end_the_socket(api: Api) -> None:
    chance = random.Random(5)
    values: list[Any] = [None, 0, -1, 1e308, "", "x" * 1000, [], {}, [[]], True, "\ud800", str(uuid.uuid4())]
    names = [
        "ref",
        "turn_id",
        "after",
        "message",
        "message_id",
        "conversation_id",
        "idempotency_key",
        "preset",
        "extra",
    ]
    kinds = ["stop", "resume", "edit", "regenerate", "ping", "send", "", None, 7, "nothing"]
    with api.socket() as socket:
        for _ in range(50):
            frame = {
                "type": chance.choice(kinds),
                **{chance.choice(names): chance.choice(values) for _ in range(3)},
            }
            frame.pop("message", None) if frame["type"] == "send" else None
            socket.send(**frame)
            answer = socket.receive()
            problem = answer.get("problem", {})
            assert problem.get("status", 200) < 500, (frame, answer)
        socket.send(type="ping")
        assert socket.receive()["type"] == "pong"
