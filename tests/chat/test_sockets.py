"""The websocket: the same turns, over one connection."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from chat.models import Turn
from tests.clients import Api, text_of
from tests.live import Web
from tests.people import make_user
from wisqu.accounts.models import User

QUICK = "[[pace:fast]]"


def sign_in_cookie(user: User) -> str:
    from django.test import Client

    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def closed_with(connection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(timeout=60)
    return closed.value.rcvd.code


def test_a_question_over_the_socket_gets_the_events_of_a_turn(alice: Api) -> None:
    with alice.socket() as socket:
        socket.send(type="send", ref="r1", message="Hello [[words:20]] [[pace:2ms]]")
        frames = socket.until("done")
    events = [frame for frame in frames if "seq" in frame]
    assert (frames[0]["type"], frames[0]["ref"]) == ("accepted", "r1")
    assert (events[0]["type"], events[0]["ref"]) == ("start", "r1")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["turn_id"] for event in events} == {events[0]["turn_id"]}
    assert text_of(events) == events[-1]["message"]["content"]


def test_a_new_conversation_gets_its_title_and_the_meter_its_figures(alice: Api) -> None:
    with alice.socket() as socket:
        socket.send(type="send", ref="r1", message=f"What is zakat? {QUICK}")
        frames = socket.until("quota")
    titles = [frame for frame in frames if frame["type"] == "title"]
    assert titles[0]["title"].startswith("What is zakat?")
    assert frames[-1]["messages"] == {"used": 1, "limit": 2000, "remaining": 1999}


def test_one_socket_carries_several_turns(alice: Api) -> None:
    with alice.socket() as socket:
        for ref in ("a", "b", "c"):
            socket.send(type="send", ref=ref, message=f"{ref} [[reply:{ref * 3}]] [[pace:5ms]]")
        done = {}
        while len(done) < 3:
            frame = socket.receive()
            if frame["type"] == "done":
                done[frame["turn_id"]] = frame["message"]["content"]
    assert sorted(done.values()) == ["aaa", "bbb", "ccc"]


def test_a_turn_outlives_its_socket_and_is_resumed_where_it_was(alice: Api) -> None:
    with alice.socket() as socket:
        socket.send(type="send", ref="r", message="Long [[words:120]] [[pace:10ms]]")
        seen = [frame for frame in socket.until("content") if "seq" in frame]
    with alice.socket() as socket:
        socket.send(type="resume", turn_id=seen[0]["turn_id"], after=seen[-1]["seq"])
        rest = [frame for frame in socket.until("done") if "seq" in frame]
    assert rest[0]["seq"] == seen[-1]["seq"] + 1
    assert text_of(seen + rest) == rest[-1]["message"]["content"]


def test_stop_over_the_socket(alice: Api) -> None:
    with alice.socket() as socket:
        socket.send(type="send", ref="r", message="Endless [[words:2000]] [[pace:10ms]]")
        turn_id = socket.until("content")[-1]["turn_id"]
        socket.send(type="stop", ref="s", turn_id=turn_id)
        last = socket.until("done")[-1]
    assert last["message"]["status"] == "stopped"
    assert Turn.objects.get(id=turn_id).status == "stopped"


def test_a_refusal_names_the_frame_and_the_problem(alice: Api) -> None:
    with alice.socket() as socket:
        socket.send(type="send", ref="bad", message="", colour="blue")
        rejected = socket.receive()
    assert (rejected["type"], rejected["ref"], rejected["problem"]["status"]) == ("rejected", "bad", 422)
    assert {error["field"] for error in rejected["problem"]["errors"]} == {"message", "colour"}


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "[]",
        "null",
        "[" * 100_000,
        '{"type": NaN}',
        '{"type": ["send"]}',
        '{"type": "dance"}',
        '{"type": "send"}',
        '{"type": "send", "message": 7}',
        '{"type": "send", "message": "a\\u0000b"}',
        '{"type": "send", "message": "\\ud800"}',
        '{"type": "send", "message": "hi", "ref": {}}',
        '{"type": "send", "message": "hi", "idempotency_key": 5}',
        '{"type": "stop", "turn_id": "x"}',
        '{"type": "resume", "turn_id": "01a205a7-783a-7292-b57a-dd1b53e27eb3", "after": -1}',
        '{"type": "resume", "turn_id": "01a205a7-783a-7292-b57a-dd1b53e27eb3", "after": 1.5}',
        '{"type": "resume", "turn_id": "01a205a7-783a-7292-b57a-dd1b53e27eb3", "since": 1}',
        '{"type": "stop", "turn_id": "01a205a7-783a-7292-b57a-dd1b53e27eb3", "colour": "blue"}',
        '{"type": "ping", "colour": "blue"}',
        json.dumps({"type": "send", "message": "hi", **dict.fromkeys(map(str, range(50_000)), 1)}),
        b"\x00\x01",
    ],
)
def test_a_bad_frame_is_answered_and_the_socket_lives(alice: Api, frame: str | bytes) -> None:
    with alice.socket() as socket:
        socket.connection.send(frame)
        rejected = socket.receive()
        assert (rejected["type"], rejected["problem"]["code"] != "not_found") == ("rejected", True)
        socket.send(type="ping")
        assert socket.receive() == {"type": "pong"}


def test_anothers_turn_is_like_a_missing_one(alice: Api, charlie: Api) -> None:
    turn_id = alice.stream(f"Mine {QUICK}")[0]["turn_id"]
    answers = []
    with charlie.socket() as socket:
        for wanted in (turn_id, str(uuid.uuid4())):
            for kind in ("stop", "resume"):
                socket.send(type=kind, turn_id=wanted)
                answers.append(socket.receive())
                assert answers[-1]["problem"].pop("request_id")
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["problem"]["status"] == 404


def test_without_sign_in_the_socket_closes_with_4401(live: Web) -> None:
    with connect(f"{live.ws_url}/ws/chat", proxy=None) as connection:
        assert closed_with(connection) == 4401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", None])
def test_a_cookie_from_another_page_is_refused_with_4403(live: Web, origin: str | None) -> None:
    headers = {"Cookie": sign_in_cookie(make_user())}
    with connect(
        f"{live.ws_url}/ws/chat", additional_headers=headers, origin=origin, proxy=None
    ) as connection:
        assert closed_with(connection) == 4403


def test_a_cookie_from_the_sites_own_page_is_let_in(live: Web) -> None:
    headers = {"Cookie": sign_in_cookie(make_user())}
    with connect(
        f"{live.ws_url}/ws/chat", additional_headers=headers, origin=live.url, proxy=None
    ) as connection:
        connection.send('{"type":"ping"}')
        assert json.loads(connection.recv(timeout=60)) == {"type": "pong"}


def test_a_flood_ends_the_socket_with_4429(alice: Api) -> None:
    with alice.socket() as socket:
        with suppress(ConnectionClosed):
            for _ in range(300):
                socket.send(type="ping")
        with suppress(ConnectionClosed):
            while True:
                socket.receive()
        assert socket.connection.close_code == 4429


# The watch looks every three seconds (tests/accounts/test_connections.py); this is how long a busy machine may take.
LATEST_S = 30.0


def test_a_deactivated_user_is_out_soon(live: Web) -> None:
    user = make_user()
    with Api(live, user).socket() as socket:
        socket.send(type="ping")
        assert socket.receive() == {"type": "pong"}
        user.is_active = False
        user.save()
        since = time.monotonic()
        assert closed_with(socket.connection) == 4401
    assert time.monotonic() - since < LATEST_S


def test_a_deactivated_user_loses_a_running_stream(live: Web) -> None:
    user = make_user(plan="premium")
    since = None
    with Api(live, user).streaming("Long [[words:3000]] [[pace:10ms]]") as events:
        for event in events:
            if since is None and event["type"] == "content":
                User.objects.filter(id=user.id).update(is_active=False)
                since = time.monotonic()
            assert event["type"] != "done"
    assert since is not None
    assert time.monotonic() - since < LATEST_S


def test_an_idempotency_key_works_over_the_socket_too(alice: Api) -> None:
    with alice.socket() as socket:
        for ref in ("one", "two"):
            socket.send(type="send", ref=ref, message=f"Once {QUICK}", idempotency_key="same")
            socket.until("done")
    assert Turn.objects.count() == 1
