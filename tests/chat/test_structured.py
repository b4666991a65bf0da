"""POST /chat/structured: a value that obeys its schema, or a clear refusal."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest

from billing.models import LedgerEntry, MonthlyUsageQuota
from chat.models import Message, Turn
from tests.clients import Api
from tests.live import Sandbox

QUICK = "[[pace:fast]]"
VERSE = {
    "type": "object",
    "properties": {"surah": {"type": "integer", "minimum": 1, "maximum": 114}, "name": {"type": "string"}},
    "required": ["surah", "name"],
    "additionalProperties": False,
}


def ask(person: Api, message: str, schema: Any = VERSE, **fields: Any) -> httpx.Response:
    headers = fields.pop("headers", None)
    body = {"message": f"{message} {QUICK}", "schema": schema, **fields}
    return person.http.post("/chat/structured", json=body, headers=headers)


def costs(sandbox: Sandbox) -> list[Decimal]:
    """Return what upstream asked for each generation of the one conversation there is."""
    session = str(Message.objects.first().conversation_id)  # type: ignore[union-attr]
    return [Decimal(str(entry["cost"])) for entry in sandbox.ledger(session=session)]


def booked() -> list[Decimal | None]:
    return [entry.cost_usd for entry in LedgerEntry.objects.filter(kind="chat").order_by("created_at", "id")]


def test_the_value_obeys_the_schema_and_both_are_kept(alice: Api) -> None:
    answer = ask(alice, "Which surah?").json()
    stored = Message.objects.get(role="assistant")

    assert set(answer["data"]) == {"surah", "name"}
    assert answer["message"]["structured_data"] == stored.structured_data == answer["data"]
    assert answer["message"]["response_schema"] == stored.response_schema == VERSE
    assert (stored.status, alice.usage()["messages"]["used"]) == ("done", 1)


def test_a_strict_answer_is_asked_of_a_provider_that_gives_it(alice: Api, sandbox: Sandbox) -> None:
    ask(alice, "Strictly", model="openai/gpt-4o-mini", routing_strategy="price")
    session = str(Message.objects.get(role="assistant").conversation_id)
    (entry,) = sandbox.ledger(session=session)

    assert entry["request"]["provider"]["require_parameters"] is True
    assert entry["request"]["response_format"]["json_schema"]["strict"] is True


def test_a_faulty_answer_is_repaired_once_and_both_generations_are_booked(
    alice: Api, sandbox: Sandbox
) -> None:
    answer = ask(alice, "Repair [[fault:bad-structure times=1 key=once]]")

    assert answer.status_code == 200
    assert set(answer.json()["data"]) == {"surah", "name"}
    assert len(costs(sandbox)) == 2
    assert sorted(booked()) == sorted(costs(sandbox))
    assert alice.usage()["messages"]["used"] == 1


def test_an_answer_that_stays_faulty_is_502_and_costs_no_message(alice: Api, sandbox: Sandbox) -> None:
    response = ask(alice, "Never [[fault:bad-structure]]")
    problem = response.json()

    assert (response.status_code, problem["code"]) == (502, "invalid_structured_output")
    assert "is not of type 'object'" in problem["detail"]
    assert problem["message"]["content"] == Message.objects.get(role="assistant").content == "[]"
    assert problem["message"]["structured_data"] is None
    assert sorted(booked()) == sorted(costs(sandbox))
    assert len(booked()) == 2
    quota = MonthlyUsageQuota.objects.get()
    assert (quota.used_messages, quota.held_messages, quota.held_tokens) == (0, 0, 0)


def test_a_code_fence_does_no_harm(alice: Api) -> None:
    assert ask(alice, "Fence [[fault:fenced-structure]]").status_code == 200


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#"},
        {"enum": list(range(100_000))},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        [],
    ],
)
def test_a_bad_schema_is_422_before_anything_is_stored(alice: Api, schema: Any) -> None:
    response = ask(alice, "Bad", schema)
    problem = response.json()

    assert response.status_code == 422
    assert problem["errors"][0]["field"].startswith("schema")
    assert Turn.objects.count() == 0


@pytest.mark.parametrize("depth", [50, 900, 100_000])
def test_a_schema_of_any_depth_is_refused_at_once(alice: Api, depth: int) -> None:
    schema = '{"items":' * depth + "true" + "}" * depth
    begun = time.monotonic()
    response = alice.http.post(
        "/chat/structured",
        content=f'{{"message": "Deep", "schema": {schema}}}',
        headers={"Content-Type": "application/json"},
    )

    assert response.status_code in (400, 422)
    assert time.monotonic() - begun < 30  # measured in test_jsonschemas; here nothing must hang


def test_a_model_that_cannot_be_bound_is_refused(alice: Api) -> None:
    response = ask(alice, "Unbound", model="google/gemma-4-31b-it:free")

    assert response.status_code == 422
    assert response.json()["errors"][0]["code"] == "no_structured_outputs"


def test_a_model_that_breaks_off_is_helped_out_from_the_beginning(alice: Api, sandbox: Sandbox) -> None:
    chain = {
        "model": "openai/gpt-4o-mini",
        "fallback_models": ["google/gemma-4-31b-it:free", "google/gemini-2.5-flash-lite"],
    }
    answer = ask(alice, "Break [[fault:cut after=2 model=openai/gpt-4o-mini]]", **chain).json()

    assert set(answer["data"]) == {"surah", "name"}
    assert answer["message"]["final_model_used"] == "google/gemini-2.5-flash-lite"
    assert answer["message"]["models_attempted"] == ["openai/gpt-4o-mini", "google/gemini-2.5-flash-lite"]


def test_readers_of_the_turn_see_the_final_words_once(alice: Api) -> None:
    answer = ask(alice, "Read along [[fault:bad-structure times=1 key=read]]").json()
    events = alice.join(str(Turn.objects.get().id))

    assert [event["type"] for event in events] == ["start", "content", "routing", "done"]
    assert events[1]["content"] == answer["message"]["content"]


def test_a_client_that_leaves_does_not_end_it(alice: Api) -> None:
    slow = {"message": "Leave [[pace:80ms]]", "schema": VERSE}
    with pytest.raises(httpx.ReadTimeout):
        alice.http.post("/chat/structured", json=slow, timeout=1.5)
    deadline = time.monotonic() + 60
    while not Message.objects.filter(role="assistant", status="done").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert Message.objects.get(role="assistant").structured_data is not None


def test_a_stopped_answer_is_no_answer(alice: Api) -> None:
    with ThreadPoolExecutor() as pool:
        slow = {"message": "Stop [[pace:slow]]", "schema": VERSE}
        asked = pool.submit(alice.http.post, "/chat/structured", json=slow)
        while not Turn.objects.exists():
            time.sleep(0.01)
        alice.post(f"/chat/turns/{Turn.objects.get().id}/stop")
        response = asked.result()

    assert (response.status_code, response.json()["code"]) == (409, "stopped")


def test_the_same_key_gets_the_same_value_and_asks_once(alice: Api, sandbox: Sandbox) -> None:
    key = {"Idempotency-Key": "structured-1"}
    first, second = (ask(alice, "Once", headers=key) for _ in range(2))
    other = ask(alice, "Once", {"type": "object"}, headers=key)

    assert first.json() == second.json()
    assert len(costs(sandbox)) == 1
    assert other.json()["code"] == "idempotency_key_reused"


def test_it_goes_on_in_a_conversation_of_ones_own_only(alice: Api, charlie: Api) -> None:
    talk = ask(alice, "Begin").json()["message"]["conversation_id"]

    assert ask(alice, "Go on", conversation_id=talk).json()["message"]["conversation_id"] == talk
    assert ask(charlie, "Look", conversation_id=talk).status_code == 404


def test_there_is_nothing_to_stream(alice: Api) -> None:
    assert ask(alice, "Stream", stream=True).status_code == 422
