"""Handing jobs to the worker from any process, once what they are about is committed.

A thread of its own sends them: a broker that is slow or away holds up no request, and the first job of a web process,
which has to load Celery, no turn. A job that could not be sent is not lost where its row says what is to be done
(docs/decisions/0007): a regular job looks for such rows.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

log = logging.getLogger(__name__)

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobs")


def send_on_commit(task: str, *arguments: Any) -> None:
    """Send the job of that name (`chat.tasks.make_title`) once the present transaction is committed.

    `arguments` are JSON values. Nothing is sent when the transaction is rolled back.
    """
    transaction.on_commit(lambda: _sender.submit(send, task, *arguments))


def send(task: str, *arguments: Any) -> bool:
    """Send the job now; False, and a line in the log, where the broker can't be reached."""
    try:
        # Named in the settings as the URLs are: the application is wired above this floor.
        import_string(settings.JOB_APPLICATION).send_task(task, arguments)
    except Exception:  # whatever a transport raises: each has errors of its own
        log.warning("a job could not be sent", extra={"task": task}, exc_info=True)
        return False
    return True
