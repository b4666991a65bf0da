"""Tickets over HTTP."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from support.models import Ticket
from tests.people import make_alice, make_charlie, signed_in
from tests.support.asking import QUESTION, ask, make_answer
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db
TICKETS = "/api/v1/support/tickets"


@pytest.fixture
def alice() -> User:
    return make_alice()


def post(client: Client, path: str = TICKETS, **changes):
    return client.post(path, {**QUESTION, **changes}, content_type="application/json")


def test_a_ticket_is_opened_and_read_again(alice: User) -> None:
    client = signed_in(alice)
    made = post(client, request_id="abcdef12", message_id=str(make_answer(alice).id), may_read_answer=True)

    assert made.status_code == 201
    ticket = made.json()
    assert (ticket["status"], ticket["plan"], ticket["is_priority"]) == ("waiting", "premium", False)
    assert [note["text"] for note in ticket["notes"]] == ["It broke off."]
    assert client.get(f"{TICKETS}/{ticket['id']}").json() == ticket


def test_the_list_has_pages_and_no_more_queries_for_more_rows(alice: User, django_assert_num_queries) -> None:
    for _ in range(3):
        ask(alice)
    client = signed_in(alice)

    with django_assert_num_queries(2):
        page = client.get(f"{TICKETS}?limit=2").json()
    assert (len(page["results"]), page["next"] is not None) == (2, True)


def test_the_user_writes_back(alice: User) -> None:
    ticket = ask(alice)
    answer = signed_in(alice).post(
        f"{TICKETS}/{ticket.id}/notes", {"text": "More."}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["from_staff"]) == (201, False)


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/notes"])
def test_a_stranger_is_asked_to_sign_in(alice: User, path: str) -> None:
    address = TICKETS + path.format(id=ask(alice).id)
    assert (Client().post if "notes" in path else Client().get)(address).status_code == 401


def test_charlie_meets_nothing_of_it(alice: User) -> None:
    ticket, charlie = ask(alice), signed_in(make_charlie())

    assert charlie.get(f"{TICKETS}/{ticket.id}").status_code == 404
    assert post(charlie, f"{TICKETS}/{ticket.id}/notes").status_code == 404
    assert charlie.get(TICKETS).json()["results"] == []
    assert ticket.notes.count() == 1


@pytest.mark.parametrize(
    "forged",
    [
        {"plan": "enterprise"},
        {"is_priority": True},
        {"status": "closed"},
        {"user": str(uuid.uuid4())},
        {"from_staff": True},
        {"due_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_nobody_jumps_the_queue_by_asking(alice: User, forged: dict) -> None:
    assert post(signed_in(alice), **forged).status_code == 422
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"text": ""}, {"text": "x" * 10_001}, {"subject": "x" * 121}, {"topic": "x"}, {"request_id": "a b"}],
)
def test_what_makes_no_sense_is_refused(alice: User, wrong: dict) -> None:
    assert post(signed_in(alice), **wrong).status_code == 422


def test_a_foreign_answer_does_not_exist(alice: User) -> None:
    foreign = make_answer(make_charlie())
    assert post(signed_in(alice), message_id=str(foreign.id)).status_code == 404


def test_a_repeated_request_opens_one_ticket(alice: User) -> None:
    client = signed_in(alice)
    first, second = (
        client.post(TICKETS, QUESTION, content_type="application/json", headers={"Idempotency-Key": "a"})
        for _ in range(2)
    )

    assert first.json() == second.json()
    assert Ticket.objects.count() == 1


def test_too_many_are_told_when_to_come_again(alice: User) -> None:
    client = signed_in(alice)
    for _ in range(10):
        post(client)
    refused = post(client)

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert int(refused["Retry-After"]) > 0
