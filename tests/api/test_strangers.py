"""Whoever is nobody hears so before the body of their request is taken, wherever more than the usual may come."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest
from django.test import RequestFactory

from tests.people import make_user
from wisqu import asgi
from wisqu.accounts import auth, tokens
from wisqu.accounts.credentials import READ, WRITE, make_key
from wisqu.accounts.sessions import SessionStore
from wisqu.api.asgi import ApiHandler
from wisqu.api.problems import Problem

USUAL = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
PIECE = 64 * 1024
MADE_UP = b"Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA"
IMPORT, ZIP = "/api/v1/conversations/import", b"application/zip"
ATTACHMENTS, FORM = "/api/v1/attachments", b"multipart/form-data; boundary=x"
HEARD = "/api/v1/audio/transcriptions"
NOBODY = (401, "not_authenticated")


class Upload:
    """A request with a body of so many bytes; `taken` were handed over before the answer was whole."""

    def __init__(
        self, path: str, kind: bytes, *, size: int, chunked: bool = False, bearer: bytes = b""
    ) -> None:
        headers = [(b"host", b"testserver"), (b"content-type", kind)]
        headers += [] if chunked else [(b"content-length", str(size).encode())]
        headers += [(b"authorization", bearer)] if bearer else []
        self.scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        self.left, self.taken, self.is_over = size, 0, False
        self.head: dict[Any, Any] = {}
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        piece = min(PIECE, self.left)
        self.left -= piece
        if not self._is_whole():
            self.taken += piece
        return {"type": "http.request", "body": b"x" * piece, "more_body": self.left > 0}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.head = {"status": message["status"], **dict(message["headers"])}
        else:
            self.body += message.get("body", b"")
            self.is_over = not message.get("more_body")

    def _is_whole(self) -> bool:
        return bool(self.head) and len(self.body) == int(self.head.get(b"Content-Length", -1))

    async def to(self, application: Any) -> Upload:
        await application(self.scope, self.receive, self.send)
        assert self.is_over
        return self

    @property
    def problem(self) -> dict[str, Any]:
        return {**json.loads(self.body), "request_id": ""}


@pytest.mark.parametrize("bearer", [b"", MADE_UP], ids=["nobody", "made up"])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize(
    ("path", "kind", "size"),
    [(IMPORT, ZIP, 30_000_000), (ATTACHMENTS, FORM, 19_000_000), (HEARD, FORM, 25_000_000)],
    ids=["import", "attachment", "recording"],
)
async def test_a_strangers_large_body_is_refused_before_it_is_taken(
    path: str, kind: bytes, size: int, chunked: bool, bearer: bytes
) -> None:
    large = await Upload(path, kind, size=size, chunked=chunked, bearer=bearer).to(asgi.application)
    small = await Upload(path, kind, size=1000, bearer=bearer).to(asgi.application)
    assert (large.head["status"], large.problem) == (401, small.problem)
    assert large.head[b"WWW-Authenticate"] == small.head[b"WWW-Authenticate"]
    assert large.head[b"Connection"] == b"close"
    assert large.taken <= (USUAL + PIECE if chunked else 0)
    assert large.left == 0  # and what was under way did not make the connection break


def asked(answer: Problem | Exception | None) -> tuple[ApiHandler, list[HttpRequest]]:
    """Return the API with somebody who gives this answer to whom they are asked about."""
    requests: list[HttpRequest] = []

    def objection(request: HttpRequest) -> Problem | None:
        requests.append(request)
        if isinstance(answer, Exception) and not isinstance(answer, Problem):
            raise answer
        return answer

    return ApiHandler(objection), requests


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
async def test_somebody_known_is_asked_once_and_their_body_is_taken_whole(chunked: bool) -> None:
    handler, requests = asked(None)
    upload = await Upload(IMPORT, ZIP, size=5_000_000, chunked=chunked).to(handler)
    assert (len(requests), upload.taken) == (1, 5_000_000)


async def test_nobody_is_asked_for_a_usual_request() -> None:
    handler, requests = asked(Problem(418))
    for chunked in (False, True):
        await Upload(IMPORT, ZIP, size=USUAL, chunked=chunked).to(handler)
    assert requests == []


async def test_where_nobody_can_tell_the_body_is_not_taken_either(caplog: pytest.LogCaptureFixture) -> None:
    handler, _ = asked(OperationalError("away"))
    upload = await Upload(IMPORT, ZIP, size=5_000_000).to(handler)
    assert (upload.head["status"], upload.problem["code"]) == (503, "temporarily_unavailable")
    assert upload.head[b"Retry-After"] == b"2"
    assert upload.taken == 0


async def test_an_endless_body_is_listened_to_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wisqu.api.asgi.LINGER_S", 0.05)
    handler, _ = asked(Problem(401))
    upload = Upload(IMPORT, ZIP, size=60_000_000, chunked=True)

    async def stuck() -> dict[str, Any]:
        if upload._is_whole():
            await asyncio.Event().wait()
        return await Upload.receive(upload)

    monkeypatch.setattr(upload, "receive", stuck)
    await upload.to(handler)


def posted(**headers: str) -> HttpRequest:
    return RequestFactory().post(IMPORT, b"", content_type="application/zip", headers=headers)


def refused(request: HttpRequest) -> tuple[int, str] | None:
    problem = auth.objection(request)
    return (problem.status, problem.code) if problem else None


@pytest.mark.django_db
def test_every_kind_of_credential_that_holds_lets_a_body_in_and_no_other() -> None:
    user = make_user("alice@example.org")
    _, key = make_key(user=user, name="a", scopes=[READ, WRITE])
    _, reader = make_key(user=user, name="b", scopes=[READ])
    for bearer in (key, tokens.open_family(user).access):
        assert refused(posted(authorization=f"Bearer {bearer}")) is None
        assert refused(posted(authorization=f"Bearer {bearer[:-1]}{'ab'[bearer[-1] == 'a']}")) == NOBODY
    assert refused(posted(authorization=f"Bearer {reader}")) == (403, "scope_required")
    assert refused(posted()) == refused(posted(authorization="Bearer x")) == NOBODY


@pytest.mark.django_db
def test_a_session_lets_a_body_in_whose_form_may_hold_the_csrf_token(client: Any) -> None:
    client.force_login(make_user("alice@example.org"))
    name = settings.SESSION_COOKIE_NAME
    request = posted(cookie=f"{name}={client.cookies[name].value}")
    assert refused(request) is None
    with pytest.raises(auth.CSRFFailed):
        auth.resolve(request)
    SessionStore(client.cookies[name].value).delete()
    assert refused(request) == NOBODY
