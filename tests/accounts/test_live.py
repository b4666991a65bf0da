"""The real server: API requests go there without any of the pages' middleware."""

from __future__ import annotations

import time

import httpx
import pytest
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.accounts.clients import make_verified
from tests.live import Web
from tests.people import PASSWORD

HOSTILE = {
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000,
    "NaN": b'{"email": NaN}',
    "NUL": b'{"email": "a\\u0000@example.org", "password": "x"}',
    "lone surrogate": b'{"email": "\\ud800", "password": "x"}',
    "bad UTF-8": b'{"email": "\xff\xfe"}',
    "long number": b'{"email": ' + b"9" * 5000 + b"}",
    "a list": b"[]",
    "nothing": b"",
}


@pytest.fixture
def http(live: Web):
    with httpx.Client(base_url=f"{live.url}/api/v1", trust_env=False, timeout=60) as client:
        yield client


def test_a_program_registers_and_signs_in_goes_on_and_signs_out(http):
    new = {"email": "new@example.org", "password": "a long enough one"}
    assert http.post("/auth/register", json=new).status_code == 201
    assert http.post("/auth/token", json=new).json()["code"] == "email_not_verified"
    make_verified()
    pair = http.post("/auth/token", json={"email": "alice@example.org", "password": PASSWORD}).json()
    pair = http.post("/auth/token/refresh", json={"refresh": pair["refresh"]}).json()
    bearer = {"Authorization": f"Bearer {pair['access']}"}
    assert http.get("/auth/me", headers=bearer).json()["email"] == "alice@example.org"
    assert http.get("/subscriptions/me", headers=bearer).status_code == 200
    http.post("/auth/token/revoke", json={"refresh": pair["refresh"]})
    assert http.get("/auth/me", headers=bearer).status_code == 401


@pytest.mark.parametrize("path", ["/auth/token", "/auth/register", "/auth/token/refresh"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_quickly(http, path, name):
    begun = time.monotonic()
    answer = http.post(path, content=HOSTILE[name], headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert time.monotonic() - begun < 30


def test_signing_out_on_the_page_closes_the_sockets_of_that_browser(live: Web):
    client = Client()
    client.force_login(make_verified())
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    headers = {"Cookie": cookie}
    with connect(
        f"{live.ws_url}/ws/chat",
        additional_headers=headers,
        origin=live.url,
        subprotocols=["wisqu.v1"],
        proxy=None,
    ) as socket:
        socket.send('{"type": "ping"}')
        assert "pong" in socket.recv(timeout=60)
        client.post("/accounts/logout/")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=60)
        assert socket.close_code == 4401
