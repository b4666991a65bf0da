"""Handing jobs to the worker from any process, once what they are about is committed.

A thread of its own sends them: a broker that is slow or away holds up no request, and the first job of a web process,
which has to load Celery, no turn. A job that could not be sent is not lost where its row says what is to be done
(docs/decisions/0007): a regular job looks for such rows. Each job takes along which request and turn it comes of, for
its lines in the log, and its place in the trace.
"""

from __future__ import annotations

import contextvars
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from wisqu.telemetry import tracing

log = logging.getLogger(__name__)

# The name of the header that holds what a job takes along.
CARRIED = "wisqu_context"
_TAKEN = ("request_id", "turn_id")

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobs")


def send_on_commit(task: str, *arguments: Any) -> None:
    """Send the job of that name (`chat.tasks.make_title`) once the present transaction is committed.

    `arguments` are JSON values. Nothing is sent when the transaction is rolled back.
    """
    context = contextvars.copy_context()
    transaction.on_commit(lambda: _sender.submit(context.run, send, task, *arguments))


def send(task: str, *arguments: Any) -> bool:
    """Send the job now; False, and a line in the log, where the broker can't be reached."""
    try:
        # Named in the settings as the URLs are: the application is wired above this floor.
        import_string(settings.JOB_APPLICATION).send_task(task, arguments, headers={CARRIED: _carried()})
    except Exception:  # whatever a transport raises: each has errors of its own
        log.warning("a job could not be sent", extra={"task": task}, exc_info=True)
        return False
    return True


def _carried() -> dict[str, str]:
    bound = structlog.contextvars.get_contextvars()
    return {**{name: bound[name] for name in _TAKEN if name in bound}, **tracing.carry()}
