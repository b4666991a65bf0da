"""Who flooded stays outside for a while, who only has many tabs does not, and what is remembered has an end."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from rest_framework_simplejwt.tokens import AccessToken

from wisqu import asgi, patience
from wisqu.accounts import doors
from wisqu.accounts.doors import (
    AT_ONCE,
    FLOODING,
    FORGIVEN_S,
    LONGEST_S,
    MOST_KNOWN,
    MOST_SOCKETS,
    NOT_SIGNED_IN,
    PROTOCOL,
)


class Clock:
    """Stands still unless it is told to go on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(clock: Clock) -> doors.Doorkeeper:
    return doors.Doorkeeper(clock, may_hold=lambda scope: True)


def bearer(secret: str = "one") -> dict[str, Any]:
    return {"path": doors.PATH, "headers": [], "subprotocols": [PROTOCOL, f"bearer.{secret}"]}


def cookie(secret: str = "one", *, origin: str = "https://ours") -> dict[str, Any]:
    name = settings.SESSION_COOKIE_NAME
    headers = [(b"origin", origin.encode()), (b"cookie", f"language=ar; {name}={secret}".encode())]
    return {"path": doors.PATH, "headers": headers, "subprotocols": []}


def come_in(keeper: doors.Doorkeeper, person: UUID, scope: dict[str, Any]) -> patience.Refusal | None:
    """Knock and, where that is not refused, prove the credential."""
    return keeper.refusal(scope) or keeper.admit(person, scope)


def outside_s(keeper: doors.Doorkeeper, clock: Clock, scope: dict[str, Any]) -> float:
    """Let time go on until this one is let in to be authenticated; return how long it took."""
    began = clock.now
    while keeper.refusal(scope):
        clock.now += 0.5
    return clock.now - began


def test_who_floods_stays_outside_twice_as_long_each_time(keeper: doors.Doorkeeper, clock: Clock) -> None:
    person, scope = uuid4(), bearer()
    waited = []
    for _ in range(7):
        assert come_in(keeper, person, scope) is None
        keeper.flooded(scope)
        keeper.leave(person)
        waited.append(outside_s(keeper, clock, scope))
    assert waited == [1, 2, 4, 8, 16, LONGEST_S, LONGEST_S]
    clock.now += FORGIVEN_S + 1
    keeper.flooded(scope)
    assert outside_s(keeper, clock, scope) == 1


def test_sockets_that_flood_together_are_one_flood(keeper: doors.Doorkeeper, clock: Clock) -> None:
    person, scope = uuid4(), bearer()
    assert [come_in(keeper, person, scope) for _ in range(3)] == [None] * 3
    for _ in range(3):
        keeper.bar(person)
    assert outside_s(keeper, clock, scope) == 1


def test_another_credential_of_who_flooded_is_refused_once_it_is_proven(keeper: doors.Doorkeeper) -> None:
    person = uuid4()
    keeper.bar(person)
    assert keeper.refusal(bearer("another")) is None
    refusal = keeper.admit(person, bearer("another"))
    assert refusal == patience.Refusal(FLOODING, "come again in 1 s", PROTOCOL)
    assert not keeper.inside
    assert keeper.refusal(bearer("another"))  # now it is known whose it is


def test_somebody_else_is_let_in_meanwhile(keeper: doors.Doorkeeper) -> None:
    keeper.bar(uuid4())
    assert come_in(keeper, uuid4(), bearer("mine")) is None


def test_the_sockets_beyond_the_most_are_refused_without_proof_until_one_leaves(
    keeper: doors.Doorkeeper,
) -> None:
    person, scope = uuid4(), cookie()
    assert [come_in(keeper, person, scope) for _ in range(MOST_SOCKETS)] == [None] * MOST_SOCKETS
    assert [keeper.refusal(scope) is None for _ in range(500)] == [False] * 500
    assert keeper.admit(person, bearer("another")) is not None
    keeper.leave(person)
    assert come_in(keeper, person, scope) is None  # those 500 were not counted


def test_every_tab_may_come_again_twice_and_then_two_a_second(keeper: doors.Doorkeeper, clock: Clock) -> None:
    person, scope = uuid4(), cookie()
    for _ in range(int(AT_ONCE) + 1):  # the first knock was a stranger's
        assert come_in(keeper, person, scope) is None
        keeper.leave(person)
    assert keeper.refusal(scope)
    clock.now += 1
    assert [keeper.refusal(scope) is None for _ in range(3)] == [True, True, False]


def test_a_credential_that_was_never_proven_has_no_more_handshakes(keeper: doors.Doorkeeper) -> None:
    refused = [keeper.refusal(bearer("made up")) is not None for _ in range(int(AT_ONCE) + 1)]
    assert refused == [False] * int(AT_ONCE) + [True]


def test_a_foreign_page_uses_up_nothing_of_the_cookies_owner(keeper: doors.Doorkeeper) -> None:
    person = uuid4()
    assert come_in(keeper, person, cookie()) is None
    while keeper.refusal(cookie(origin="https://evil")) is None:
        pass
    keeper.flooded(cookie(origin="https://evil"))
    assert come_in(keeper, person, cookie()) is None


def test_who_has_a_revoked_credential_uses_up_nothing_of_its_owner(keeper: doors.Doorkeeper) -> None:
    person = uuid4()
    assert come_in(keeper, person, bearer("revoked")) is None
    keeper.disown(bearer("revoked"))
    while keeper.refusal(bearer("revoked")) is None:
        pass
    keeper.flooded(bearer("revoked"))
    assert come_in(keeper, person, bearer("new")) is None


def test_at_another_address_nothing_is_counted(keeper: doors.Doorkeeper) -> None:
    elsewhere = bearer() | {"path": "/ws/else"}
    assert all(keeper.refusal(elsewhere) is None for _ in range(300))


def jwt(header: str, claims: str = "{}") -> str:
    """Write a token that nobody signed."""
    parts = [base64.urlsafe_b64encode(each.encode()).decode().rstrip("=") for each in (header, claims)]
    return ".".join([*parts, "AAAA"])


IMPOSSIBLE = {
    "nothing": {"path": doors.PATH, "headers": [(b"cookie", b"language=ar")], "subprotocols": []},
    "an empty bearer": bearer(""),
    "a session of another form": cookie("0123456789abcdefghijklmnopqrstuV"),
    "a key too short": bearer("wq_0123456789ab_" + "x" * 42),
    "a key too long": bearer("wq_0123456789ab_" + "x" * 65),
    "a key of another form": bearer("wq_0123456789AB_" + "x" * 43),
    "a text": bearer("made up"),
    "a text that is none": bearer("\ud800.\xe9."),
    "a token signed by nobody": bearer(jwt('{"alg":"none"}')),
    "a token signed by somebody": bearer(jwt('{"alg":"HS256"}')),
    "a deep token": bearer(jwt('{"alg":' + "[" * 1400)),
    "a token too long": bearer("x" * 60_000),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be_a_credential_is_refused_without_a_query_and_not_remembered(
    name: str, clock: Clock
) -> None:
    keeper = doors.Doorkeeper(clock)  # a query would fail: this test may not ask the database
    refusals = {keeper.refusal(IMPOSSIBLE[name]) for _ in range(3)}
    assert refusals == {patience.Refusal(NOT_SIGNED_IN, "", PROTOCOL)}
    assert not keeper._strangers


def test_what_may_be_a_credential_is_let_in_to_be_proven_until_it_expires(clock: Clock) -> None:
    keeper = doors.Doorkeeper(clock)
    token = AccessToken()
    token["sub"], token["family"], token["epoch"] = str(uuid4()), str(uuid4()), 0
    possible = (bearer(str(token)), bearer("wq_0123456789ab_" + "x" * 43), cookie("a" * 32))
    assert [keeper.refusal(each) for each in possible] == [None] * 3
    token.set_exp(lifetime=timedelta(seconds=-1))
    assert keeper.refusal(bearer(str(token))) == patience.Refusal(NOT_SIGNED_IN, "", PROTOCOL)


def test_what_was_proven_is_not_taken_apart_at_the_door_again(clock: Clock) -> None:
    keeper, person = doors.Doorkeeper(clock, may_hold=lambda scope: False), uuid4()
    assert keeper.refusal(bearer())
    assert keeper.admit(person, bearer()) is None
    assert keeper.refusal(bearer()) is None


def test_made_up_credentials_push_nobody_out_of_memory(keeper: doors.Doorkeeper) -> None:
    person, scope = uuid4(), bearer()
    assert come_in(keeper, person, scope) is None
    keeper.flooded(scope)
    for number in range(MOST_KNOWN + 10):
        keeper.refusal(bearer(f"made up {number}"))
    assert keeper.refusal(scope)
    assert len(keeper._strangers) == MOST_KNOWN


def test_of_people_too_only_so_many_are_remembered(keeper: doors.Doorkeeper) -> None:
    for number in range(MOST_KNOWN + 10):
        assert come_in(keeper, uuid4(), bearer(str(number))) is None
    assert len(keeper._people) == len(keeper._holders) == MOST_KNOWN


def test_no_secret_is_kept(keeper: doors.Doorkeeper) -> None:
    come_in(keeper, uuid4(), bearer("a secret"))
    come_in(keeper, uuid4(), cookie("a secret"))
    assert b"a secret" not in b"".join([*keeper._holders, *keeper._strangers])


def test_the_served_application_has_this_doorkeeper() -> None:
    assert asgi.application
    assert patience._doors == [doors.keeper]
