"""One key is one message and one charge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from chat.models import Turn
from tests.clients import Api
from tests.live import Sandbox

QUICK = "[[pace:fast]]"
KEY = {"Idempotency-Key": "key-1"}


def test_the_same_request_gets_the_first_answer_again(alice: Api, sandbox: Sandbox) -> None:
    first = alice.ask(f"Once {QUICK}", headers=KEY)
    second = alice.ask(f"Once {QUICK}", headers=KEY)
    assert first.json() == second.json()
    assert len(sandbox.ledger(session=first.json()["conversation_id"])) == 1
    assert alice.usage()["messages"]["used"] == 1


def test_another_body_under_the_same_key_is_refused(alice: Api) -> None:
    alice.ask(f"Once {QUICK}", headers=KEY)
    response = alice.ask(f"Twice {QUICK}", headers=KEY)
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


def test_a_copy_during_the_first_request_is_told_to_wait(alice: Api) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(alice.ask, "Slow [[words:60]] [[pace:20ms]]", headers=KEY)
        while not Turn.objects.exists():
            pass
        second = alice.ask("Slow [[words:60]] [[pace:20ms]]", headers=KEY)
        assert (second.status_code, second.json()["code"]) == (409, "idempotency_key_in_flight")
        assert first.result().status_code == 200


def test_twenty_copies_at_once_have_one_effect(alice: Api) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: alice.ask(f"At once {QUICK}", headers=KEY), range(20)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert any(answer.status_code == 200 for answer in answers)
    assert Turn.objects.count() == 1


def test_a_refused_request_may_be_tried_again(alice: Api) -> None:
    assert alice.ask("x" * 200_001, headers=KEY).status_code == 422
    assert (
        alice.ask("Hi", conversation_id="01a205a7-783a-7292-b57a-dd1b53e27eb3", headers=KEY).status_code
        == 404
    )
    assert alice.ask(f"Short {QUICK}", headers=KEY).status_code == 200


def test_the_key_belongs_to_its_user(alice: Api, charlie: Api) -> None:
    mine = alice.ask(f"Same {QUICK}", headers=KEY).json()
    other = charlie.ask(f"Same {QUICK}", headers=KEY).json()
    assert mine["conversation_id"] != other["conversation_id"]


def test_a_conversation_is_made_once(alice: Api) -> None:
    made = [alice.http.post("/conversations", json={"title": "One"}, headers=KEY) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert [response.status_code for response in made] == [201, 201]


def test_a_copy_of_a_stream_tells_the_stream_again(alice: Api) -> None:
    body = {"message": "Stream [[words:5]] [[pace:fast]]", "stream": True}
    texts = [alice.http.post("/chat", json=body, headers=KEY).text for _ in range(2)]
    assert texts[0] == texts[1]
