"""Whatever is sent: a clear 4xx as a problem document, never a 5xx, and the process lives."""

from __future__ import annotations

import json
import socket
import uuid

import pytest

from chat.models import Conversation, Turn
from tests.clients import Api

QUICK = "[[pace:fast]]"


def problem_of(response) -> dict:
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert response.headers["x-request-id"] == response.json()["request_id"]
    return response.json()


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[" * 100_000,
        b'{"message": ' + b'{"a":' * 100_000 + b"}",
        b'{"message": NaN}',
        b'{"message": "a\\u0000b"}',
        b'{"message": "\x00"}',
        b'{"message": "\\ud800"}',
        b'{"message": "\xff\xfe"}',
        b'{"message": "hi", "max_tokens": ' + b"9" * 5000 + b"}",
        b'"text"',
        b"null",
    ],
)
@pytest.mark.parametrize("path", ["/chat", "/conversations"])
def test_bodies_that_are_no_json_object_are_refused(alice: Api, path: str, body: bytes) -> None:
    response = alice.http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    problem_of(response)
    assert alice.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"message": 7}, "message"),
        ({"message": "   "}, "message"),
        ({"message": "hi", "colour": "blue"}, "colour"),
        ({"message": "hi", "stream": "yes"}, "stream"),
        ({"message": "hi", "temperature": "0.5"}, "temperature"),
        ({"message": "hi", "temperature": 9}, "temperature"),
        ({"message": "hi", "max_tokens": 1.5}, "max_tokens"),
        ({"message": "hi", "conversation_id": "x"}, "conversation_id"),
        ({"message": "hi", "routing_strategy": "luck"}, "routing_strategy"),
        ({"message": "hi", "attachments": "x"}, "attachments"),
        ({"message": "hi", "plan": "enterprise"}, "plan"),
        ({"message": "hi", "owner": 1, "cost_usd": -5}, "owner"),
    ],
)
def test_wrong_and_unknown_fields_are_named(alice: Api, fields: dict, field: str) -> None:
    response = alice.http.post("/chat", json=fields)
    assert response.status_code == 422
    assert field in {error["field"] for error in problem_of(response)["errors"]}
    assert Turn.objects.count() == 0


CROWD = {f"k{number}": 1 for number in range(50_000)}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat", CROWD),
        ("/chat", {"message": "hi", "web_search_options": CROWD}),
        ("/images/generate", CROWD),
        ("/quotations/check", CROWD),
        ("/auth/token", CROWD),
        ("/auth/keys", {"name": "k", "scopes": ["x"] * 50_000}),
        ("/conversations/trash", {"ids": ["x"] * 50_000}),
        ("/presets/import", {"format": "wisqu.presets", "version": 1, "presets": [{}] * 50_000}),
    ],
)
def test_a_crowd_of_mistakes_is_not_listed_one_by_one(alice: Api, path: str, body: dict) -> None:
    response = alice.http.post(path, json=body)
    assert response.status_code == 422
    assert 1 <= len(problem_of(response)["errors"]) <= 30


@pytest.mark.parametrize("path", ["/conversations", "/models", "/quran/1/1", "/conversations/x"])
def test_an_address_with_too_many_fields_is_a_problem(alice: Api, path: str) -> None:
    response = alice.http.get(path + "?" + "&".join(["q=1"] * 1200))
    assert (response.status_code, problem_of(response)["code"]) == (400, "bad_request")


def test_a_form_with_too_many_fields_or_files_is_a_problem(alice: Api) -> None:
    crowd = [("file", (f"{number}.txt", b"x")) for number in range(150)]
    for path in ("/attachments", "/audio/transcriptions"):
        for form in ({"files": crowd}, {"files": crowd[:1], "data": CROWD}):
            response = alice.http.post(path, **form)
            assert response.status_code in (400, 422), response.text
            problem_of(response)


def test_a_prompt_of_ten_megabytes_is_too_large(alice: Api) -> None:
    response = alice.http.post("/chat", json={"message": "x" * 10_000_000})
    assert response.status_code == 413
    assert problem_of(response)["code"] == "too_large"


def test_a_body_that_hides_its_size_is_cut_off(alice: Api) -> None:
    def chunks():
        for _ in range(100):
            yield b"x" * 100_000

    response = alice.http.post("/chat", content=chunks(), headers={"Content-Type": "application/json"})
    assert response.status_code == 413


def test_a_prompt_without_a_break_is_counted_in_time(alice: Api) -> None:
    response = alice.ask("ا" * 150_000, max_tokens=10)
    assert response.status_code in (200, 400)


@pytest.mark.parametrize("request_line", [b"GET /api/v1/%00 HTTP/1.1", b"POST /api/v1/chat HTTP/1.1"])
def test_hostile_requests_do_not_end_the_process(alice: Api, request_line: bytes) -> None:
    with socket.create_connection(("127.0.0.1", alice.web.port), timeout=60) as raw:
        raw.sendall(request_line + b"\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n")
        assert b" 4" in raw.recv(100)
    assert alice.get("/health/live").status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/chat/turns/x/stop", "/conversations/x", "/%F0%9F%98%80"])
def test_unknown_addresses_are_problems(alice: Api, path: str) -> None:
    assert problem_of(alice.get(path))["status"] == 404


def test_a_wrong_method_is_a_problem(alice: Api) -> None:
    for path in ("/chat", "/subscriptions/usage"):
        assert problem_of(alice.http.put(path, json={}))["status"] == 405


def test_nobody_is_told_to_sign_in(alice: Api) -> None:
    for path in ("/chat", "/conversations"):
        response = alice.http.post(path, json={"message": "hi"}, headers={"Authorization": ""})
        assert response.status_code == 401
        assert "Bearer" in response.headers["www-authenticate"]


def test_what_is_not_mine_is_like_what_is_not_there(alice: Api, charlie: Api) -> None:
    mine = alice.ask(f"Mine {QUICK}").json()
    turn = Turn.objects.get()
    for conversation, turn_id, message in (
        (mine["conversation_id"], turn.id, mine["message"]["id"]),
        (uuid.uuid4(), uuid.uuid4(), uuid.uuid4()),
    ):
        own = charlie.ask(f"Own {QUICK}").json()["conversation_id"]
        refused = [
            charlie.ask("hi", conversation_id=str(conversation)),
            charlie.ask("hi", conversation_id=own, parent_id=str(message)),
            charlie.get(f"/conversations/{conversation}"),
            charlie.get(f"/conversations/{conversation}/messages"),
            charlie.http.patch(f"/conversations/{conversation}", json={"title": "x"}),
            charlie.http.delete(f"/conversations/{conversation}"),
            charlie.post(f"/chat/turns/{turn_id}/stop"),
            charlie.get(f"/chat/turns/{turn_id}/events"),
        ]
        bodies = {json.dumps({**r.json(), "request_id": ""}) for r in refused}
        assert {r.status_code for r in refused} == {404}
        assert len(bodies) == 1
    assert Conversation.objects.filter(id=mine["conversation_id"]).exists()
