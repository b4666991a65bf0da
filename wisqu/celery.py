"""The Celery application: background jobs, and the clock that starts the regular ones.

Without a broker address jobs travel through files under `var/broker` (`wisqu.filequeue`): nothing to install, and
what is queued or under way survives a restart. `--with-clock` lets a single worker keep the clock too, in a thread of
its own (Celery's `-B` would load the whole product a second time for it).
"""

import os
from pathlib import Path
from typing import Any

import click
from celery import Celery, bootsteps, signals
from celery.beat import EmbeddedService

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wisqu.settings")

from django.conf import settings

from wisqu import filequeue
from wisqu.worker import Figures, Scheduler, SignOfLife

# Redis gives a job that runs longer than this to another worker, so none may: each bounds what it waits for.
LONGEST_JOB = 15 * 60


def broker(*, address: str, folder: Path) -> dict[str, Any]:
    """Return Celery's settings for the broker at `address`, or for files under `folder` when it is empty."""
    if address:
        options: dict[str, Any] = {"visibility_timeout": LONGEST_JOB + 60, "socket_connect_timeout": 3}
        is_redis = address.startswith(("redis://", "rediss://"))
        if is_redis:
            # Half a second of a start that an installation without Redis needn't pay.
            from wisqu import redisqueue

            redisqueue.mend()
        return {
            "broker_url": address,
            "broker_transport_options": options if is_redis else {},
            "broker_connection_retry_on_startup": True,
        }
    return filequeue.options(folder)


class Clock(bootsteps.StartStopStep):
    """Starts due jobs from inside the worker, when it was asked to with `--with-clock`."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, with_clock: bool = False, **options: Any) -> None:
        self.enabled = with_clock
        self.service: Any = None
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        self.service = EmbeddedService(
            worker.app,
            thread=True,
            schedule_filename=str(settings.VAR_DIR / "celerybeat-schedule"),
            scheduler_cls=Scheduler,
        )
        self.service.start()

    def stop(self, worker: Any) -> None:
        if self.service is not None:
            self.service.stop()


app = Celery("wisqu")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    broker(address=settings.CELERY_BROKER_URL, folder=settings.VAR_DIR / "broker"),
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=LONGEST_JOB,
    # Whoever sends a job waits for the queue's server no longer than this; what was not sent is found by its row.
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    beat_scheduler=Scheduler,
    timezone="UTC",
)
app.autodiscover_tasks()
app.steps["worker"].add(Clock)
app.steps["worker"].add(SignOfLife)
app.steps["worker"].add(Figures)
app.user_options["worker"].add(
    click.Option(("--with-clock",), is_flag=True, help="Start due jobs as well (run one such worker).")
)


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Celery sets up no logging of its own where this signal has a receiver: Django's LOGGING holds."""
