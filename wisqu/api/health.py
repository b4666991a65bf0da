"""Is it alive, is it ready: for load balancers and people."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from ninja import Router

from wisqu.api.bodies import encode_json
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)
router = Router(tags=["health"], auth=None)


@router.get("/health/live", response={200: dict[str, str]}, summary="Is the process alive")
async def live(request: HttpRequest) -> dict[str, str]:
    """Never touches a dependency."""
    return {"status": "ok"}


@router.get("/health/ready", response={200: dict[str, Any], 503: dict[str, Any]}, summary="Can it serve")
async def ready(request: HttpRequest) -> HttpResponse:
    """503 while a dependency that is needed is down."""
    return await _report()


@router.get("/health", response={200: dict[str, Any], 503: dict[str, Any]}, summary="State in one word")
async def health(request: HttpRequest) -> HttpResponse:
    """The same checks as `ready`."""
    return await _report()


async def _report() -> HttpResponse:
    checks = await in_thread(run_checks)
    is_ok = all(state == "ok" for state in checks.values())
    body = {"status": "ok" if is_ok else "unavailable", "checks": checks}
    return HttpResponse(encode_json(body), status=200 if is_ok else 503, content_type="application/json")


def run_checks() -> dict[str, str]:
    """Return `ok` or `unavailable` for each dependency that chat can't do without."""
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
    from redis.exceptions import RedisError  # half a second of a start that others needn't pay

    try:
        cache.get("health")
    except RedisError as error:
        raise OSError(str(error)) from error
