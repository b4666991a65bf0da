"""No text of a megabyte makes an open address think for long: nobody has to sign in to send one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client

from tests.security.matrix import OPEN, ROUTES
from wisqu.api.asgi import OPEN_FORM, BodyLimit

pytestmark = pytest.mark.django_db
MOST_CPU_S = 0.05
# What the shipped server and the product let in.
BODY, HEAD = 1_000_000, 20_000
# What regular expressions, parsers of addresses, languages and forms have stumbled over.
HOSTILE = ("\t\n", "a@", "<a ", "%41", ";q=0.", "\u0130")
FIELDS = ("email", "password", "refresh", "name", "language", "plan")
PAGES = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")
MAILED = ("/accounts/confirm-email/{}/", "/accounts/sign-in-link/{}/")
PATHS = ("/s/{}", "/c/{}", "/quran/{}", *MAILED, "/{}", "/api/v1/{}")
FORM = ("email", "login", "password", "password1", "next")
HEADERS = ("Accept-Language", "Authorization", "Cookie", "Accept", "Content-Type", "Stripe-Signature")
Visit = Callable[[Client, str], None]


def visits() -> Iterator[tuple[str, int, Visit]]:
    """Yield every way to send a text to an open address, with how many letters get through that way."""
    for route in (route for route, rule in ROUTES.items() if rule.kind == OPEN):
        verb, path = route.split(" ")
        if verb == "GET":
            yield route, HEAD, partial(look, f"/api/v1{path}?q={{0}}&cursor={{0}}")
        else:
            yield route, BODY // len(FIELDS), partial(post, f"/api/v1{path}", as_json)
    for page in PAGES:
        yield page, OPEN_FORM // len(FORM) // 3, partial(post, page, as_form)
        yield f"{page}?next", HEAD, partial(look, page + "?next={}")
    for path in PATHS:
        yield path, HEAD, partial(look, path)
    for header in HEADERS:
        for address in ("/accounts/login/", "/api/v1/auth/me"):
            yield f"{header}: {address}", HEAD, partial(say, address, header)


def look(address: str, client: Client, text: str) -> None:
    client.get(address.format(quote(text)))


def post(address: str, form: Callable[[str], tuple[bytes, str]], client: Client, text: str) -> None:
    client.generic("POST", address, *form(text))


def say(address: str, header: str, client: Client, text: str) -> None:
    client.get(address, headers={header: text.replace("\n", " ").encode().decode("latin-1")})


@lru_cache(maxsize=1)
def as_json(text: str) -> tuple[bytes, str]:
    return json.dumps(dict.fromkeys(FIELDS, text)).encode(), "application/json"


@lru_cache(maxsize=1)
def as_form(text: str) -> tuple[bytes, str]:
    return urlencode(dict.fromkeys(FORM, text)).encode(), "application/x-www-form-urlencoded"


def cpu_s(visit: Visit, client: Client, text: str) -> float:
    """Return the least CPU time of two tries; a third where both were long."""
    taken = []
    for _ in range(3):
        began = time.thread_time()
        visit(client, text)
        taken.append(time.thread_time() - began)
        if taken[-1] < MOST_CPU_S:
            break
    return min(taken)


def test_open_addresses_think_no_longer_than_50_ms_about_a_megabyte() -> None:
    client = Client(raise_request_exception=False)
    slow = {}
    for name, size, visit in visits():
        for piece in HOSTILE:
            taken = cpu_s(visit, client, piece * (size // len(piece.encode())))
            if taken > MOST_CPU_S:
                slow[name, piece] = round(taken, 3)
    assert slow == {}


async def test_a_form_that_is_open_to_everybody_takes_no_megabyte() -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(scope)

    for path in (*PAGES, "/admin/login/"):
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any], sent: list[dict[str, Any]] = sent) -> None:
            sent.append(message)

        headers = [(b"content-length", str(OPEN_FORM + 1).encode())]
        await BodyLimit(never)({"type": "http", "path": path, "headers": headers}, None, send)
        assert sent[0]["status"] == 413
