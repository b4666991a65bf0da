"""The product's worker with a single job: one that notes when it begins, and what it did, and can be made to wait.

It starts without the product's apps, which would take it some seconds.
"""

import os
import time
from pathlib import Path

from django.conf import settings

settings.configure(
    VAR_DIR=Path(os.environ["WISQU_VAR"]),
    CELERY_BROKER_URL=os.environ["CELERY_BROKER_URL"],
    LOGGING_CONFIG=None,
    WORKER_METRICS_PORT=0,
)

# ruff: noqa: E402 - the application reads the settings as it is made
from wisqu.celery import app

if seconds := os.environ.get("TESTS_VISIBLE_AGAIN_AFTER_S"):
    app.conf.broker_transport_options["visibility_timeout"] = int(seconds)


@app.task(name="tests.jobs.careful")
def careful(folder: str) -> None:
    """Do something once, however often it is asked for."""
    place = Path(folder)
    with (place / "begun").open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not (place / "go").exists():
        time.sleep(0.02)
    try:
        (place / "done").touch(exist_ok=False)
    except FileExistsError:
        return
    with (place / "effects").open("a") as file:
        file.write("one\n")
