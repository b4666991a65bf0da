"""How tests of accounts talk to the product: as programs do, with JSON and bearers."""

from __future__ import annotations

from typing import Any

from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler

from tests.people import PASSWORD, make_user
from wisqu.accounts.models import User
from wisqu.api.middleware import door


def make_verified(email: str = "alice@example.org", **fields: Any) -> User:
    """Make a user whose address is verified."""
    user = make_user(email, **fields)
    user.vouch_for_address()
    return user


class ApiHandler(ClientHandler):
    """The way of `wisqu.api.asgi`: no sessions, no messages, no other help of the pages' middleware."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Build a chain of one."""
        super().load_middleware(is_async)
        self._view_middleware: list[Any] = []
        self._middleware_chain = door(convert_exception_to_response(self._get_response))


class Api(Client):
    """A client of /api/v1 that insists on CSRF tokens, as the product does outside of tests."""

    def __init__(self, bearer: str = "", **defaults: Any) -> None:
        if bearer:
            defaults["HTTP_AUTHORIZATION"] = f"Bearer {bearer}"
        super().__init__(enforce_csrf_checks=True, **defaults)
        self.handler = ApiHandler(enforce_csrf_checks=True)

    def send(self, method: str, path: str, body: Any = None, **extra: Any) -> HttpResponse:
        """Send JSON."""
        data = {} if body is None else {"data": body, "content_type": "application/json"}
        if method in ("PATCH", "PUT", "DELETE"):
            data.setdefault("content_type", "application/json")
        return getattr(self, method.lower())(f"/api/v1{path}", **data, **extra)


def sign_in(email: str = "alice@example.org", password: str = PASSWORD) -> dict[str, Any]:
    """Return the tokens for a password."""
    answer = Api().send("POST", "/auth/token", {"email": email, "password": password})
    assert answer.status_code == 200, answer.content
    return answer.json()


def problem(answer: HttpResponse) -> tuple[int, str]:
    """Return status and code of a refusal, after making sure that it is a problem document."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["code"]
