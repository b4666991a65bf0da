"""The outermost layer of every request: its id, its line in the log, its place in the counts and in a trace, what is
left of its quotas, and problems where Django answers in HTML.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from wisqu.api import draining, throttling
from wisqu.api.ids import uuid7
from wisqu.api.problems import CONTENT_TYPE, Problem, problem_response
from wisqu.logging import route_of
from wisqu.telemetry import metrics, tracing

log = logging.getLogger("wisqu.request")

API_PREFIX = "/api/"
# Asked every few seconds by machines: a line for each would say nothing.
_HEALTH = "/api/v1/health"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
# The composer records what people say; nothing else of their device is anybody's business, nor any frame's.
_PERMISSIONS = (
    "microphone=(self), camera=(), geolocation=(), display-capture=(), payment=(), usb=(), serial=(), midi=()"
)
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
            began = _enter(request)
            with tracing.span("request", method=request.method) as span:
                return _leave(request, _refused(request) or await get_response(request), began, span)

        return pass_async

    def pass_sync(request: HttpRequest) -> HttpResponse:
        began = _enter(request)
        with tracing.span("request", method=request.method) as span:
            return _leave(request, _refused(request) or get_response(request), began, span)

    return pass_sync


def _enter(request: HttpRequest) -> float:
    """Prepare the request; return the moment, in seconds."""
    began = time.perf_counter()
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    request_id = given if _SANE_ID.fullmatch(given) else str(uuid7())
    request.request_id = request_id  # type: ignore[attr-defined]
    request.allowances = throttling.begin()  # type: ignore[attr-defined]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return began


def _refused(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to an address with more fields than Django reads: whoever asked for one would meet an error."""
    most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    if most is None or request.META["QUERY_STRING"].count("&") < most:
        return None
    return HttpResponse("The address has too many fields.", status=400, content_type="text/plain")


def _leave(request: HttpRequest, response: HttpResponse, began: float, span: Any) -> HttpResponse:
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
    response.headers["Permissions-Policy"] = _PERMISSIONS
    if draining.has_begun():
        response.headers["Connection"] = "close"  # the next request of this connection finds another process
    _tell(request, response.status_code, time.perf_counter() - began, span)
    return response


def _tell(request: HttpRequest, status: int, seconds: float, span: Any) -> None:
    """Count the request, and write its line: by the declared address, which holds nothing of anybody's."""
    is_static = request.path.startswith(settings.STATIC_URL)
    route = f"{settings.STATIC_URL}*" if is_static else route_of(request)
    method = request.method if request.method in _METHODS else "other"
    metrics.request_ended(method=method, route=route, area=_area(route), status=status, seconds=seconds)
    tracing.tell(span, route=route, status=status, request_id=request.request_id)  # type: ignore[attr-defined]
    if not is_static and not request.path.startswith(_HEALTH):
        facts = {"method": method, "route": route, "status": status, "duration_ms": round(seconds * 1000, 1)}
        log.info("request", extra=facts)


def _area(route: str) -> str:
    """Return the part of the site that an address belongs to: few, so that each may have its histogram."""
    if route.startswith("/api/v1/"):
        return route.split("/", 4)[3] or "api"
    return next((area for area in ("admin", "static", "accounts") if route.startswith(f"/{area}")), "pages")


def _is_plain_error(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").partition(";")[0] not in (
        CONTENT_TYPE,
        "application/json",
    )
