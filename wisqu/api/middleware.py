"""The outermost layer of every request: its id, what is left of its quotas, problems where Django answers in HTML."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from wisqu.api import throttling
from wisqu.api.ids import uuid7
from wisqu.api.problems import CONTENT_TYPE, Problem, problem_response

API_PREFIX = "/api/"
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
_PLAIN = {
    400: Problem(400, "bad_request", "The request can't be understood."),
    404: Problem(404, "not_found", "There is nothing at this address."),
    405: Problem(405, "method_not_allowed", "This address does not take that method."),
    500: Problem(500, "internal_error", "Something went wrong on our side. Nothing was lost; try again."),
}


@sync_and_async_middleware
def door(get_response: Any) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """Give the request an id, bind it to the log, and send it back as `X-Request-ID`, with what is left of quotas."""
    if iscoroutinefunction(get_response):

        async def pass_async(request: HttpRequest) -> HttpResponse:
            _enter(request)
            return _leave(request, await get_response(request))

        return pass_async

    def pass_sync(request: HttpRequest) -> HttpResponse:
        _enter(request)
        return _leave(request, get_response(request))

    return pass_sync


def _enter(request: HttpRequest) -> None:
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    request_id = given if _SANE_ID.fullmatch(given) else str(uuid7())
    request.request_id = request_id  # type: ignore[attr-defined]
    request.allowances = throttling.begin()  # type: ignore[attr-defined]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def _leave(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    request_id = request.request_id  # type: ignore[attr-defined]
    if request.path.startswith(API_PREFIX):
        if response.status_code in _PLAIN and _is_plain_error(response):
            allow = response.get("Allow")
            response = problem_response(_PLAIN[response.status_code], request_id=request_id)
            if allow:
                response["Allow"] = allow
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        for name, value in throttling.headers(request.allowances.values()).items():  # type: ignore[attr-defined]
            response.headers[name] = value
    response.headers["X-Request-ID"] = request_id
    return response


def _is_plain_error(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").partition(";")[0] not in (
        CONTENT_TYPE,
        "application/json",
    )
