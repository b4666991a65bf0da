"""What every framework's errors become: one `Problem`, one answer."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as NinjaValidationError
from rest_framework import exceptions as drf

from wisqu.api.problems import (
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthenticated,
    problem_response,
)

log = logging.getLogger(__name__)

TOO_LARGE = Problem(413, "too_large", "The request is too large.")


def request_id_of(request: Any) -> str:
    """Return the id that the door gave the request."""
    return getattr(request, "request_id", "")


def problem_from(error: Exception) -> Problem:
    """Return the problem that an exception of any framework stands for; unknown ones are 500 `internal_error`."""
    if isinstance(error, Problem):
        return error
    for kinds, build in _TRANSLATIONS:
        if isinstance(error, kinds):
            problem: Problem = build(error)
            return problem
    log.exception("unhandled error", exc_info=error)
    return Problem(500, "internal_error", "Something went wrong on our side. Nothing was lost; try again.")


def _from_drf(error: Any) -> Problem:
    headers = {}
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait) + 1)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else str(error.default_code)
    return Problem(error.status_code, code, str(error.detail), headers=headers)


def _from_drf_validation(error: Any) -> Problem:
    return Invalid(errors=list(_flatten(error.get_full_details())))


def _flatten(details: Any, path: str = "") -> list[FieldError]:
    """Return DRF's nested error details as a flat list with dotted field names."""
    if isinstance(details, dict) and "message" in details and "code" in details:
        return [FieldError(path, str(details["code"]), str(details["message"]))]
    found: list[FieldError] = []
    items = details.items() if isinstance(details, dict) else ((None, item) for item in details)
    for key, value in items:
        inner = path if key in (None, "non_field_errors") else f"{path}.{key}" if path else str(key)
        found.extend(_flatten(value, inner))
    return found


def said(message: str) -> str:
    """Return what a validator of ours said, without pydantic's own words in front."""
    return message.removeprefix("Value error, ")


def _from_ninja_validation(error: Any) -> Problem:
    errors = []
    for item in error.errors:
        place = [
            str(part) for part in item["loc"] if part not in ("body", "query", "path", "data", "payload")
        ]
        errors.append(FieldError(".".join(place), str(item["type"]), said(item["msg"])))
    return Invalid(errors=errors)


def _from_ninja(error: Any) -> Problem:
    # Ninja wraps what its parser raises.
    wrapped = error.__cause__ or error.__context__
    if isinstance(wrapped, Problem):
        return wrapped
    return Problem(error.status_code, "bad_request", str(error))


def _database_busy(error: Exception) -> Problem:
    log.error("database unavailable", exc_info=error)
    return Problem(
        503,
        "temporarily_unavailable",
        "The service is busy. Try again in a moment.",
        headers={"Retry-After": "2"},
    )


_TRANSLATIONS: list[tuple[Any, Any]] = [
    ((Http404, drf.NotFound), lambda error: NotFound()),
    ((drf.NotAuthenticated, drf.AuthenticationFailed, AuthenticationError), lambda error: Unauthenticated()),
    (drf.ValidationError, _from_drf_validation),
    (drf.APIException, _from_drf),
    (NinjaValidationError, _from_ninja_validation),
    (HttpError, _from_ninja),
    (RequestDataTooBig, lambda error: TOO_LARGE),
    (SuspiciousOperation, lambda error: Problem(400, "bad_request", "The request can't be understood.")),
    (PermissionDenied, lambda error: Forbidden()),
    (ValidationError, lambda error: Invalid(detail=" ".join(error.messages))),
    (OperationalError, _database_busy),
]


def drf_exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER."""
    return problem_response(problem_from(error), request_id=request_id_of(context["request"]))


def install(api: NinjaAPI) -> None:
    """Make a ninja API answer every exception with a problem."""

    def handle(request: HttpRequest, error: Any) -> HttpResponse:
        return problem_response(problem_from(error), request_id=request_id_of(request))

    for kind in (Problem, NinjaValidationError, AuthenticationError, HttpError, Http404, Exception):
        api.add_exception_handler(kind, handle)
