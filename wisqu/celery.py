"""The Celery application: background jobs, and the clock that starts the regular ones.

Without a broker address jobs travel through files under `var/broker`: nothing to install, and what is
queued survives a restart. `--with-clock` lets a single worker keep the clock too, in a thread of its own
(Celery's `-B` would load the whole product a second time for it).
"""

import os
import uuid
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

import click
from celery import Celery, bootsteps, signals
from celery.beat import EmbeddedService
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wisqu.settings")

from django.conf import settings

# A job that runs longer than this is given to another worker, so no job may.
LONGEST_JOB = 15 * 60


class WholeFiles(filesystem.Channel):
    """Kombu's channel over files, but a message has its name only while it is whole and nobody's.

    Kombu 5.7 creates the file first and fills it afterwards; a worker that polls in between reads nothing and dies of
    it (seen with 419 of 3,000 messages). It also takes messages through the machine's shared temporary folder.
    """

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        unfinished = folder / f".{uuid.uuid4()}.part"  # readers pass over any other ending
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.rename(folder / f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder = Path(self.data_folder_in)
        for file in sorted(folder.iterdir()):
            if file.name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{uuid.uuid4()}.taken"
            try:
                file.rename(taken)
            except FileNotFoundError:  # another worker was quicker
                continue
            payload = loads(taken.read_text(encoding="utf-8"))
            taken.unlink()
            return payload
        raise Empty


filesystem.Transport.Channel = WholeFiles


def broker(*, address: str, folder: Path) -> dict[str, Any]:
    """Return Celery's settings for the broker at `address`, or for files under `folder` when it is empty."""
    if address:
        options: dict[str, Any] = {"visibility_timeout": LONGEST_JOB + 60}
        is_redis = address.startswith(("redis://", "rediss://"))
        return {
            "broker_url": address,
            "broker_transport_options": options if is_redis else {},
            "broker_connection_retry_on_startup": True,
        }
    queue, control = folder / "queue", folder / "control"
    for each in (queue, control):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "broker_url": "filesystem://localhost//",
        "broker_transport_options": {
            "data_folder_in": str(queue),
            "data_folder_out": str(queue),
            "control_folder": str(control),
            "polling_interval": 0.02,
        },
        "worker_enable_remote_control": False,
    }


class Clock(bootsteps.StartStopStep):
    """Starts due jobs from inside the worker, when it was asked to with `--with-clock`."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, with_clock: bool = False, **options: Any) -> None:
        self.enabled = with_clock
        self.service: Any = None
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        self.service = EmbeddedService(
            worker.app, thread=True, schedule_filename=str(settings.VAR_DIR / "celerybeat-schedule")
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
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    timezone="UTC",
)
app.autodiscover_tasks()
app.steps["worker"].add(Clock)
app.user_options["worker"].add(
    click.Option(("--with-clock",), is_flag=True, help="Start due jobs as well (run one such worker).")
)


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Celery sets up no logging of its own where this signal has a receiver: Django's LOGGING holds."""
