"""Titles as they reach people: over the socket, though another process makes them, and on demand over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from chat import titlejobs
from chat.models import Conversation, TitleJob
from chat.titleapi import seconds_to_wait
from tests.clients import Api

QUICK = "[[pace:fast]]"
QUESTION = f"Which prayers are shortened on a journey? {QUICK}"
TITLE = "Which prayers are shortened on a"  # the sandbox's: the first six words


@contextmanager
def worker() -> Iterator[None]:
    """Do the jobs of this test as the worker does: beside the web server, knowing nothing but the rows."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(0.05):
            for job_id in list(TitleJob.objects.filter(status="queued").values_list("id", flat=True)):
                titlejobs.run(job_id)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def generate(api: Api, conversation_id: str, **headers: str):
    return api.http.post(f"/conversations/{conversation_id}/generate-title", headers=headers)


def test_the_page_is_told_the_title_that_another_process_makes(alice: Api) -> None:
    with worker(), alice.socket() as socket:
        socket.send(type="send", ref="r", message=QUESTION)
        done = socket.until("done")[-1]
        told = socket.until("title")[-1]
    assert (told["title"], told["conversation_id"]) == (TITLE, done["message"]["conversation_id"])


def test_a_page_that_was_loaded_again_meanwhile_is_told_too(alice: Api) -> None:
    start = alice.stream(QUESTION)[0]
    with worker(), alice.socket() as socket:
        socket.send(type="resume", turn_id=start["turn_id"], after=0)
        assert socket.until("title")[-1]["title"] == TITLE


def test_a_second_exchange_asks_for_no_title(alice: Api) -> None:
    first = alice.ask(QUESTION).json()
    alice.ask(QUESTION, conversation_id=first["conversation_id"])
    assert TitleJob.objects.count() == 1


def test_a_failed_answer_asks_for_no_title(alice: Api) -> None:
    alice.ask("[[fault:401]] What is zakat?")
    assert not TitleJob.objects.exists()


def test_a_title_on_demand_is_a_job(alice: Api) -> None:
    conversation_id = alice.ask(QUESTION).json()["conversation_id"]
    answer = generate(alice, conversation_id)
    assert (answer.status_code, answer.json()["status"], answer.json()["title"]) == (202, "queued", None)


def test_whoever_prefers_to_wait_gets_the_title(alice: Api) -> None:
    conversation_id = alice.ask(QUESTION).json()["conversation_id"]
    Conversation.objects.update(title="Mine", own_title_at="2026-01-01T00:00:00Z")
    with worker():
        answer = generate(alice, conversation_id, Prefer="respond-async, wait=60")
    assert (answer.status_code, answer.json()["title"]) == (200, TITLE)
    assert answer.headers["Preference-Applied"] == "wait"
    assert alice.get(f"/conversations/{conversation_id}").json()["title"] == TITLE


def test_a_wait_ends_when_its_time_is_over(alice: Api) -> None:
    conversation_id = alice.ask(QUESTION).json()["conversation_id"]
    began = time.monotonic()
    assert generate(alice, conversation_id, Prefer="wait=1").status_code == 202
    assert time.monotonic() - began > 0.8


def test_the_same_key_has_one_job(alice: Api) -> None:
    conversation_id = alice.ask(QUESTION).json()["conversation_id"]
    key = {"Idempotency-Key": "title-1"}
    first = generate(alice, conversation_id, **key).json()
    titlejobs.run(TitleJob.objects.get().id)
    second = generate(alice, conversation_id, **key)
    assert (second.status_code, second.json()["id"], second.json()["title"]) == (200, first["id"], TITLE)
    assert TitleJob.objects.count() == 1


def test_a_title_that_nobody_can_make_is_said_to_have_failed(alice: Api) -> None:
    conversation_id = alice.ask(f"[[title-fault:401]] {QUESTION}").json()["conversation_id"]
    with worker():
        answer = generate(alice, conversation_id, Prefer="wait=60")
    assert (answer.status_code, answer.json()["code"]) == (502, "title_failed")


def test_without_an_answer_there_is_nothing_to_name(alice: Api) -> None:
    made = alice.post("/conversations").json()
    assert generate(alice, made["id"]).json()["code"] == "nothing_to_name"


def test_charlie_can_have_no_title_made(alice: Api, charlie: Api) -> None:
    conversation_id = alice.ask(QUESTION).json()["conversation_id"]
    answer = generate(charlie, conversation_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert TitleJob.objects.get().asked_at is None


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0),
        ("wait=5", 5),
        ("respond-async, wait = 7; x=1", 7),
        ("wait=999999", 60),
        ("wait=-1", 0),
        ("await=5", 0),
    ],
)
def test_the_wish_to_wait_is_read_from_the_header(prefer: str | None, seconds: int) -> None:
    assert seconds_to_wait(prefer) == seconds


def test_a_title_of_ones_own_is_noted_and_an_empty_one_is_nobodys(alice: Api) -> None:
    made = alice.post("/conversations", title="Mine").json()
    path = f"/conversations/{made['id']}"
    assert Conversation.objects.get().own_title_at
    alice.http.patch(path, json={"title": ""})
    assert Conversation.objects.get().own_title_at is None
    alice.http.patch(path, json={"pinned": True, "title": ""})
    assert Conversation.objects.get().own_title_at is None


def test_a_question_sent_again_over_the_socket_follows_its_running_turn(alice: Api) -> None:
    frame = {"type": "send", "message": "Long [[words:60]] [[pace:20ms]]", "idempotency_key": "again"}
    with alice.socket() as socket:
        socket.send(ref="r1", **frame)
        first = socket.until("content")
    with alice.socket() as socket:
        socket.send(ref="r1", **frame)
        again = [each for each in socket.until("done") if "seq" in each]
    assert (again[0]["type"], again[0]["ref"]) == ("start", "r1")
    assert again[0]["turn_id"] == first[-1]["turn_id"]
    assert [each["seq"] for each in again] == list(range(1, len(again) + 1))
    assert alice.usage()["messages"]["used"] == 1
