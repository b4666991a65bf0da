"""Is it alive, is it ready: for load balancers and people."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from ninja import Router

from wisqu.api.bodies import encode_json
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)
router = Router(tags=["health"], auth=None)

Facts = Callable[[], Any]
_told: dict[str, Facts] = {}


def tell(name: str, facts: Facts) -> None:
    """Let an upper app tell a fact about this installation at `/health`: `facts()` returns what JSON can hold."""
    _told[name] = facts


@router.api_operation(["HEAD"], "/health/live", include_in_schema=False)
@router.get("/health/live", response={200: dict[str, str]}, summary="Is the process alive")
async def live(request: HttpRequest) -> dict[str, str]:
    """Never touches a dependency."""
    return {"status": "ok"}


@router.api_operation(["HEAD"], "/health/ready", include_in_schema=False)
@router.get("/health/ready", response={200: dict[str, Any], 503: dict[str, Any]}, summary="Can it serve")
async def ready(request: HttpRequest) -> HttpResponse:
    """503 while a dependency that is needed is down."""
    return await _report()


@router.api_operation(["HEAD"], "/health", include_in_schema=False)
@router.get("/health", response={200: dict[str, Any], 503: dict[str, Any]}, summary="State in one word")
async def health(request: HttpRequest) -> HttpResponse:
    """The same checks as `ready`: ok, degraded (it serves, but something is missing), or unavailable."""
    return await _report()


async def _report() -> HttpResponse:
    checks = await in_thread(run_checks)
    can_serve = checks["database"] == "ok"
    state = "unavailable" if not can_serve else "ok" if set(checks.values()) == {"ok"} else "degraded"
    body = {"status": state, "checks": checks, **{name: facts() for name, facts in _told.items()}}
    return HttpResponse(encode_json(body), status=200 if can_serve else 503, content_type="application/json")


def run_checks() -> dict[str, str]:
    """Return `ok` or `unavailable` for each dependency. Without the database nothing works; without Redis chat does."""
    checks = {"database": _check(_touch_database)}
    if settings.REDIS_URL:
        checks["redis"] = _check(_touch_redis)
    return checks


def _check(touch: Any) -> str:
    try:
        touch()
    except (DatabaseError, OSError) as error:
        log.warning("health check failed", extra={"check": touch.__name__, "error": type(error).__name__})
        return "unavailable"
    return "ok"


def _touch_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _touch_redis() -> None:
    from redis import Redis  # half a second of a start that others needn't pay
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as redis:
            redis.ping()
    except RedisError as error:
        raise OSError(str(error)) from error
