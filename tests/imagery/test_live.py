"""Images as people meet them: with web server and worker as they are, over HTTP and the socket, and when things die."""

from __future__ import annotations

import os
import random
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from billing.models import LedgerEntry, PlanLimit, Reservation
from imagery import renders, sweeping
from imagery.models import GeneratedImage
from presets.upstream import pseudonym
from tests.clients import Api
from tests.imagery.working import worker
from tests.live import ROOT, Sandbox, Web, child_environment
from tests.people import make_alice
from tools.processes import Family

QUICK = "[[pace:fast]]"


@pytest.fixture
def alice(live: Web) -> Api:
    return Api(live, make_alice())


def test_whoever_waits_gets_the_images_and_the_page_is_told_meanwhile(alice: Api) -> None:
    with alice.socket() as socket, worker():
        answer = alice.http.post(
            "/images/generate",
            json={"prompt": f"A star {QUICK}", "n": 2},
            headers={"Prefer": "wait=30"},
        )
        body = answer.json()
        told: dict[str, str] = {}
        while len(told) < 2 or set(told.values()) != {"done"}:
            image = socket.until("image")[-1]["image"]
            told[image["id"]] = image["status"]
    assert (answer.status_code, [each["status"] for each in body["images"]]) == (201, ["done", "done"])
    assert set(told) == {each["id"] for each in body["images"]}
    assert alice.http.get(body["url"].removeprefix("/api/v1")).headers["content-type"] == "image/png"
    assert alice.usage()["images"]["used"] == 2


# A worker without the clock: it makes what waits until it is killed, and shows a sign of life often.
WORK = """
import time, django
django.setup()
from imagery import renders
renders.SIGN_EVERY_S = 0.2
while True:
    for image_id in list(renders.waiting().values_list("id", flat=True)):
        renders.work(image_id)
    time.sleep(0.05)
"""
KILLS = 2


def kill_workers(sandbox: Sandbox) -> None:
    """Let workers begin what waits, and kill each somewhere on its way."""
    chance = random.Random(7)
    for _ in range(KILLS):
        with Family() as family:
            process = family.start(
                "images",
                [sys.executable, "-c", WORK],
                env={**os.environ, **child_environment(sandbox)},
                cwd=ROOT,
            )
            began, until = asked(), time.monotonic() + 30
            while asked() == began and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(chance.uniform(0, 1.5))
            process.kill()


def asked() -> int:
    return GeneratedImage.objects.exclude(asked_at=None).count()


def test_whatever_dies_each_image_ends_and_is_asked_and_charged_once(
    alice: Api, sandbox: Sandbox, monkeypatch
) -> None:
    """Each image has a prompt of its own, by which the sandbox's ledger tells who asked for it."""
    for number in range(7):
        answer = alice.post("/images/generate", prompt=f"star {number} {QUICK}")
        assert answer.status_code == 202
    kill_workers(sandbox)
    monkeypatch.setattr(sweeping, "DEAD_AFTER", timedelta(0))
    sweeping.sweep()
    with worker():
        until = time.monotonic() + 60
        while GeneratedImage.objects.open().exists() and time.monotonic() < until:
            time.sleep(0.1)
    rows = list(GeneratedImage.objects.all())
    done = [row for row in rows if row.status == "done"]
    assert {row.status for row in rows} <= {"done", "failed"}
    assert len(done) >= len(rows) - KILLS * renders.AT_ONCE
    assert not Reservation.objects.filter(state="held").exists()
    assert alice.usage()["images"]["used"] == len(done)
    charged = LedgerEntry.objects.filter(kind="image", images=1)
    assert set(charged.values_list("reference", flat=True)) == {row.id for row in done}
    prompts = [
        each["request"]["messages"][0]["content"] for each in sandbox.ledger(user=pseudonym(rows[0].owner_id))
    ]
    assert len(prompts) == len(set(prompts)) >= len(done)


def test_two_workers_and_many_copies_of_a_job_make_each_image_once(alice: Api, sandbox: Sandbox) -> None:
    ids = [alice.post("/images/generate", prompt=f"moon {n} {QUICK}").json()["id"] for n in range(3)]

    def render(image_id: str) -> bool:
        try:
            return renders.render(uuid.UUID(image_id))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(render, ids * 3))
    assert made.count(True) == 3
    assert alice.usage()["images"]["used"] == 3


def test_as_many_are_promised_as_the_plan_holds_however_many_ask_at_once(alice: Api) -> None:
    PlanLimit.objects.filter(slug="premium").update(images=3)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: alice.post("/images/generate", prompt=f"sun {QUICK}"), range(8)))
    assert [answer.status_code for answer in answers].count(202) == 3
