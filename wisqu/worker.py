"""What a worker tells of its jobs (log, counts, traces) and of itself: a sign of life in the database and in a file.

`wisqu.celery` connects it. The row is for `/health/detailed`, which may be asked of another machine; the files under
`var/alive` are for whoever supervises this process (`find var/alive/worker -mmin -1`).
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog
from celery import bootsteps, signals
from celery.beat import PersistentScheduler
from django.apps import apps
from django.conf import settings

from wisqu.telemetry import metrics, serving, tracing

log = logging.getLogger("wisqu.job")

SIGN_EVERY_S = 10.0
# How a job takes along what it comes of; `wisqu.api.jobs` writes it.
CARRIED = "wisqu_context"
_BOUND = ("request_id", "turn_id")

_begun: dict[str, tuple[float, ExitStack]] = {}


# --- Jobs -------------------------------------------------------------------------------------------


@signals.task_prerun.connect
def job_begins(task_id: str, task: Any, **_: Any) -> None:
    """Bind the job, and what it comes of, to its lines and its span."""
    carried = getattr(task.request, CARRIED, None) or {}
    structlog.contextvars.clear_contextvars()
    bound = {name: carried[name] for name in _BOUND if name in carried}
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id, **bound)
    stack = ExitStack()
    stack.enter_context(tracing.span_from(carried, "job", task=task.name, task_id=task_id))
    _begun[task_id] = time.monotonic(), stack


@signals.task_postrun.connect
def job_ends(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """Count the job and write its line; one that comes every few seconds and went well has none."""
    began, stack = _begun.pop(task_id, (None, None))
    if began is None or stack is None:
        return
    stack.close()
    seconds = time.monotonic() - began
    ended = (state or "unknown").lower()
    metrics.JOBS.labels(task.name, ended).inc()
    metrics.JOB_SECONDS.labels(task.name).observe(seconds)
    level = logging.DEBUG if ended == "success" and _is_regular(task.name) else logging.INFO
    log.log(level, "job ended", extra={"state": ended, "duration_ms": round(seconds * 1000, 1)})
    structlog.contextvars.clear_contextvars()


def _is_regular(name: str) -> bool:
    return any(each["task"] == name for each in getattr(settings, "CELERY_BEAT_SCHEDULE", {}).values())


# --- Signs of life ----------------------------------------------------------------------------------


def touch(name: str) -> None:
    """Show a supervisor that the process of that name lives."""
    folder = Path(settings.VAR_DIR) / "alive"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()


class Scheduler(PersistentScheduler):
    """Celery's clock, which shows that it goes."""

    _shown_at = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due."""
        if time.monotonic() - self._shown_at >= SIGN_EVERY_S:
            self._shown_at = time.monotonic()
            touch("beat")
        return super().tick(*args, **kwargs)


class SignOfLife(bootsteps.StartStopStep):
    """Shows every ten seconds that this worker lives, from when it takes jobs until it ends."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        self._thread = threading.Thread(target=self._show, args=(worker.hostname,), name="sign of life")
        self._thread.daemon = True
        self._thread.start()

    def stop(self, worker: Any) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _show(self, name: str) -> None:
        while True:
            touch("worker")
            _sign(name, ends=self._stop.is_set())
            if self._stop.is_set():
                return
            self._stop.wait(SIGN_EVERY_S)


class Figures(bootsteps.StartStopStep):
    """Tells this worker's figures over HTTP where the settings name a port: Prometheus asks each container."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        self.enabled = bool(settings.WORKER_METRICS_PORT)
        self._end: Callable[[], None] = lambda: None
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        host, port = os.environ.get("HOST") or "127.0.0.1", settings.WORKER_METRICS_PORT
        try:
            self._end = serving.serve(host=host, port=port, token=settings.MONITORING_TOKEN)
        except OSError as error:  # jobs matter more
            log.error("the worker's figures are told nowhere", extra={"error": type(error).__name__})

    def stop(self, worker: Any) -> None:
        self._end()


def _sign(name: str, *, ends: bool) -> None:
    """Write the worker's row, or delete it; a database that is away is no reason for a worker to end."""
    if not apps.ready or not apps.is_installed("wisqu.api"):
        return
    from django.db import DatabaseError, connection

    from wisqu.api import pulses

    try:
        if ends:
            pulses.forget(kind=pulses.WORKER, name=name or socket.gethostname())
        else:
            pulses.show(kind=pulses.WORKER, name=name or socket.gethostname())
    except DatabaseError:
        log.warning("the sign of life could not be written")
    finally:
        connection.close()
