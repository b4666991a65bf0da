"""Errors as the outside sees them: `application/problem+json` (RFC 9457), one builder for every door.

Domain code raises a `Problem` (or a subclass); DRF, ninja, plain Django and the websocket each hand it here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpResponse

CONTENT_TYPE = "application/problem+json"
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the input; `field` is a dotted path, empty for the whole body."""

    field: str
    code: str
    detail: str


class Problem(Exception):
    """A refusal with everything that a person and a program need to know about it.

    `status` is the HTTP status, `code` a stable snake_case word, `detail` a sentence for a person.
    """

    status: int = 400
    code: str = "bad_request"
    detail: str = ""

    def __init__(
        self,
        status: int | None = None,
        code: str | None = None,
        detail: str | None = None,
        *,
        errors: list[FieldError] | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.status = status or self.status
        self.code = code or self.code
        self.detail = detail or self.detail
        self.errors = errors or []
        self.headers = headers or {}
        self.extra = extra
        super().__init__(f"{self.status} {self.code}: {self.detail}")

    def body(self, *, request_id: str = "") -> dict[str, Any]:
        """Return the members of the problem document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **self.extra,
        }
        if self.errors:
            document["errors"] = [asdict(error) for error in self.errors]
        return document


class NotFound(Problem):
    """Missing, or somebody else's: the two must look the same."""

    status = 404
    code = "not_found"
    detail = "There is no such object, or it is not yours."


class Unauthenticated(Problem):
    """No credential, or one that does not hold."""

    status = 401
    code = "not_authenticated"
    detail = "Sign in, or send a valid access token or API key."

    def __init__(self, detail: str | None = None, code: str | None = None) -> None:
        super().__init__(code=code, detail=detail, headers={"WWW-Authenticate": 'Bearer realm="wisqu"'})


class Forbidden(Problem):
    """Known, but not allowed."""

    status = 403
    code = "forbidden"
    detail = "Your account may not do this."


class Invalid(Problem):
    """The input cannot be understood; `errors` names each field."""

    status = 422
    code = "invalid_input"
    detail = "Some of the input is not valid."


def problem_response(problem: Problem, *, request_id: str = "") -> HttpResponse:
    """Return the problem as an HTTP answer."""
    response = HttpResponse(
        msgspec.json.encode(problem.body(request_id=request_id)),
        status=problem.status,
        content_type=CONTENT_TYPE,
    )
    for name, value in problem.headers.items():
        response[name] = value
    return response
