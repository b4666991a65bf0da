"""Is it alive, is it ready, what is wrong, and what has it counted: for load balancers, people and Prometheus."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from wisqu.api import checks, draining, pulses, queues
from wisqu.api.bodies import encode_json
from wisqu.api.checks import DEGRADED, OK, UNAVAILABLE, UNUSED
from wisqu.api.threads import in_thread
from wisqu.telemetry import metrics

log = logging.getLogger(__name__)
router = Router(tags=["health"], auth=None)
# Who may ask these is for an upper floor to say: `wisqu.root`.
details_router = Router(tags=["monitoring"])
metrics_router = Router(tags=["monitoring"])

# Whoever asks more often gets the same answer: asking costs a second of a model server's patience.
DETAILS_KEPT_S = 3.0
# Without these nothing works; the rest makes it poorer.
_NEEDED = ("database",)


@router.api_operation(["HEAD"], "/health/live", include_in_schema=False)
@router.get("/health/live", response={200: dict[str, str]}, summary="Is the process alive")
async def live(request: HttpRequest) -> dict[str, str]:
    """Never touches a dependency."""
    return {"status": "ok"}


@router.api_operation(["HEAD"], "/health/ready", include_in_schema=False)
@router.get("/health/ready", response={200: dict[str, Any], 503: dict[str, Any]}, summary="Can it serve")
async def ready(request: HttpRequest) -> HttpResponse:
    """503 while a dependency that is needed is down, and while the process is about to end."""
    if draining.has_begun():
        return _json({"status": "ending", "checks": {}}, status=503)
    return await _report()


@router.api_operation(["HEAD"], "/health", include_in_schema=False)
@router.get("/health", response={200: dict[str, Any], 503: dict[str, Any]}, summary="State in one word")
async def health(request: HttpRequest) -> HttpResponse:
    """The same checks as `ready`: ok, degraded (it serves, but something is missing), or unavailable; and its data."""
    return await _report(**{name: facts() for name, facts in _told.items()})


@details_router.get(
    "/health/detailed",
    response={200: dict[str, Any], 503: dict[str, Any]},
    summary="Everything, with figures",
)
async def detailed(request: HttpRequest) -> HttpResponse:
    """Database, migrations, Redis, events between processes, workers, queue, beat, model server, disk, versions.

    For staff, or with the monitoring token of the settings.
    """
    found = await _details.get()
    states = {name: facts["status"] for name, facts in found["checks"].items()}
    state = _state(states)
    return _json({"status": state, **found}, status=503 if state == UNAVAILABLE else 200)


@metrics_router.get(
    "/health/metrics",
    response={200: Any},
    summary="Figures for Prometheus",
    openapi_extra={
        "responses": {
            200: {
                "description": "Prometheus' text format; with `Accept: application/json` the same as JSON.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        }
    },
)
async def show_metrics(request: HttpRequest) -> HttpResponse:
    """Requests, turns, tokens, cost, savings, fallbacks, breakers, jobs, what is open now, refusals.

    Open to whoever reaches it, or with the monitoring token where the settings name one.
    """
    now = await in_thread(lambda: list(_now()))  # asked there, not where the loop is
    if request.get_preferred_type(["text/plain", "application/json"]) != "application/json":
        text = await asyncio.to_thread(metrics.as_text, now)
        return HttpResponse(text, content_type=metrics.TEXT)
    return _json({"metrics": await asyncio.to_thread(metrics.as_values, now)}, status=200)


Facts = Callable[[], Any]
_told: dict[str, Facts] = {}


def tell(name: str, facts: Facts) -> None:
    """Let an upper app tell a fact about this installation at `/health`: `facts()` returns what JSON can hold."""
    _told[name] = facts


# --- Ready ------------------------------------------------------------------------------------------


async def _report(**more: Any) -> HttpResponse:
    states = await in_thread(run_checks)
    state = _state(states)
    return _json({"status": state, "checks": states, **more}, status=503 if state == UNAVAILABLE else 200)


def _state(states: dict[str, str]) -> str:
    if any(states[name] == UNAVAILABLE for name in _NEEDED):
        return UNAVAILABLE
    return OK if set(states.values()) <= {OK, UNUSED} else DEGRADED


def _json(body: Any, *, status: int) -> HttpResponse:
    return HttpResponse(encode_json(body), status=status, content_type="application/json")


def run_checks() -> dict[str, str]:
    """Return `ok` or `unavailable` for each dependency. Without the database nothing works; without Redis chat does."""
    found = {"database": _check(_touch_database)}
    if settings.REDIS_URL:
        found["redis"] = _check(_touch_redis)
    return found


def _check(touch: Any) -> str:
    try:
        touch()
    except (DatabaseError, OSError) as error:
        log.warning("health check failed", extra={"check": touch.__name__, "error": type(error).__name__})
        return UNAVAILABLE
    return OK


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


# --- Detailed ---------------------------------------------------------------------------------------


class _Details:
    """The last answer, for as long as it is fresh; of many who ask at once one looks."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._at = float("-inf")
        self._looking: asyncio.Task[dict[str, Any]] | None = None

    async def get(self) -> dict[str, Any]:
        if time.monotonic() - self._at < DETAILS_KEPT_S:
            return self._found
        loop = asyncio.get_running_loop()
        if self._looking is None or self._looking.done() or self._looking.get_loop() is not loop:
            self._looking = loop.create_task(self._look(), name="health in detail")
        return await asyncio.shield(self._looking)

    async def _look(self) -> dict[str, Any]:
        found = await checks.run_all()
        self._found = {"checked_at": timezone.now(), "versions": checks.versions(), "checks": found}
        self._at = time.monotonic()
        return self._found

    def forget(self) -> None:
        self._at = float("-inf")


_details = _Details()


# --- Metrics ----------------------------------------------------------------------------------------


def _now() -> Iterator[Metric]:
    """Yield what is only known at this moment, and is the same whichever process is asked."""
    build = GaugeMetricFamily("wisqu_build_info", "What runs here.", labels=("version",))
    build.add_metric([settings.VERSION], 1)
    yield build
    try:
        yield GaugeMetricFamily("wisqu_queue_depth", "Jobs queued or under way.", value=queues.depth())
    except OSError:
        log.warning("the queue could not be asked")
    try:
        living, seen = pulses.living_workers(), pulses.clock_seen_at()
    except DatabaseError:
        return
    yield GaugeMetricFamily("wisqu_workers", "Workers that showed a sign of life lately.", value=living)
    if seen is not None:
        age = (timezone.now() - seen).total_seconds()
        yield GaugeMetricFamily(
            "wisqu_beat_age_seconds", "Time since a job of the clock was done.", value=age
        )
