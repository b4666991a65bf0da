"""Jobs in a real worker: one that is killed in the middle is done by the next, once; the clock knows its jobs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings

from tests.servers import start_redis
from tools.processes import Family
from tools.supervisor import WORKER_OPTIONS
from wisqu.celery import LONGEST_JOB, app, broker

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 120


@pytest.fixture
def family() -> Iterator[Family]:
    with Family() as started:
        yield started


def start_worker(family: Family, folder: Path, address: str) -> subprocess.Popen[bytes]:
    options = [option for option in WORKER_OPTIONS if option != "--with-clock"]
    environ = {
        "WISQU_VAR": str(folder),
        "CELERY_BROKER_URL": address,
        "CELERY_SKIP_CHECKS": "1",
        "TESTS_VISIBLE_AGAIN_AFTER_S": "1",
    }
    command = [sys.executable, "-m", "celery", "-A", "tests.jobs", "-q", "worker", *options]
    log = (folder / "worker.log").open("ab")
    return family.start("a worker", command, env={**os.environ, **environ}, cwd=ROOT, stdout=log, stderr=log)


def send(folder: Path, address: str) -> None:
    sender = Celery("sender")
    sender.conf.update(broker(address=address, folder=folder / "broker"), task_ignore_result=True)
    sender.send_task("tests.jobs.careful", kwargs={"folder": str(folder)})
    sender.close()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def wait_for(path: Path, *, count: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while len(lines(path)) < count:
        assert time.monotonic() < deadline, (path.parent / "worker.log").read_text()[-3000:]
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["files", "redis"])
def test_a_job_whose_worker_is_killed_is_done_once_by_the_next(
    family: Family, tmp_path: Path, kind: str
) -> None:
    address = start_redis(family, tmp_path) if kind == "redis" else ""
    worker = start_worker(family, tmp_path, address)
    send(tmp_path, address)
    wait_for(tmp_path / "begun", count=1)
    worker.kill()
    worker.wait()

    (tmp_path / "go").touch()
    next_worker = start_worker(family, tmp_path, address)
    wait_for(tmp_path / "effects", count=1)
    next_worker.terminate()
    next_worker.wait()
    assert (len(lines(tmp_path / "begun")), lines(tmp_path / "effects")) == (2, ["one"])
    assert not [*tmp_path.glob("broker/queue/*.msg")]


def test_every_job_of_the_clock_exists() -> None:
    app.loader.import_default_modules()
    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert wanted <= set(app.tasks)
    assert {
        "presets.tasks.sync_models",
        "chat.tasks.close_abandoned_turns",
        "chat.tasks.learn_habits",
    } <= wanted


def test_a_regular_job_that_waited_too_long_is_left_to_the_next() -> None:
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["options"]["expires"] == entry["schedule"].total_seconds()


def test_no_job_is_given_to_a_second_worker_while_it_may_still_run(tmp_path: Path) -> None:
    options = broker(address="redis://127.0.0.1/0", folder=tmp_path)["broker_transport_options"]

    assert options["visibility_timeout"] > LONGEST_JOB == app.conf.task_time_limit
    assert (app.conf.task_acks_late, app.conf.task_reject_on_worker_lost) == (True, True)
