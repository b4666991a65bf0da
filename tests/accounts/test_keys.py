"""API keys: made once, shown once, hashed, scoped, revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.accounts.clients import Api, make_verified, problem, sign_in
from wisqu.accounts import credentials
from wisqu.accounts.credentials import find_key, make_key
from wisqu.accounts.models import APIKey

pytestmark = pytest.mark.django_db
ALL = ["account", "read", "write"]


@pytest.fixture
def alice():
    return make_verified()


@pytest.fixture
def api(alice):
    return Api(sign_in()["access"])


def key_for(user, *scopes):
    return make_key(user=user, name="robot", scopes=list(scopes) or ALL)


def test_a_key_is_told_once_and_works(api):
    made = api.send("POST", "/auth/keys", {"name": "laptop"})
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith("wq_")
    assert Api(key).send("GET", "/auth/me").status_code == 200
    listed = api.send("GET", "/auth/keys").json()["results"]
    assert [(k["name"], k["scopes"]) for k in listed] == [("laptop", ["read", "write"])]
    assert key not in str(listed)


def test_only_a_hash_of_the_key_is_kept(alice):
    row, key = key_for(alice)
    assert key not in str(APIKey.objects.values())
    assert len(key.rsplit("_", 1)[1]) >= 43
    assert row.secret_hash == credentials.hashed(key)


def test_a_key_costs_one_query_and_is_written_to_once_a_minute(alice):
    _, key = key_for(alice)
    find_key(key)
    used_at = APIKey.objects.get().last_used_at
    with CaptureQueriesContext(connection) as queries:
        assert find_key(key)
    assert len(queries) == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        find_key(key)
    assert APIKey.objects.get().last_used_at > used_at


def test_a_revoked_key_is_refused(alice, api):
    row, key = key_for(alice)
    assert api.send("DELETE", f"/auth/keys/{row.id}").status_code == 204
    assert problem(Api(key).send("GET", "/auth/me")) == (401, "not_authenticated")
    assert api.send("DELETE", f"/auth/keys/{row.id}").status_code == 404


def test_a_key_of_a_deactivated_user_is_refused(alice):
    _, key = key_for(alice)
    alice.is_active = False
    alice.save()
    assert Api(key).send("GET", "/auth/me").status_code == 401


def test_a_key_outlives_a_changed_password(alice):
    _, key = key_for(alice)
    alice.set_password("another long one")
    alice.save()
    assert Api(key).send("GET", "/auth/me").status_code == 200


def test_a_key_with_another_secret_is_refused(alice):
    _, key = key_for(alice)
    assert find_key(key[:-1] + ("a" if key[-1] != "a" else "b")) is None
    assert find_key(key + "a") is None
    assert find_key(key[:-1]) is None


def test_a_key_in_the_address_is_not_read(alice):
    _, key = key_for(alice)
    for name in ("key", "api_key", "token", "access_token", "bearer", "authorization"):
        assert Api().send("GET", f"/auth/me?{name}={key}").status_code == 401


def test_charlie_neither_sees_nor_revokes_the_keys_of_alice(alice):
    row, key = key_for(alice)
    make_verified("charlie@example.org")
    charlie = Api(sign_in("charlie@example.org")["access"])
    assert charlie.send("GET", "/auth/keys").json()["results"] == []
    theirs = charlie.send("DELETE", f"/auth/keys/{row.id}")
    missing = charlie.send("DELETE", "/auth/keys/01890000-0000-7000-8000-000000000000")
    strip = {"request_id"}
    assert theirs.status_code == missing.status_code == 404
    assert {k: v for k, v in theirs.json().items() if k not in strip} == {
        k: v for k, v in missing.json().items() if k not in strip
    }
    assert find_key(key)


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        (["read"], "GET", "/auth/me", 200),
        (["read"], "PATCH", "/auth/me", 403),
        (["write"], "GET", "/auth/me", 403),
        (["read", "write"], "PATCH", "/auth/me", 403),
        (["read", "write"], "GET", "/auth/keys", 403),
        (["read", "write"], "POST", "/auth/keys", 403),
        (["read", "write"], "DELETE", "/auth/me", 403),
        (["read", "write"], "GET", "/auth/me/export", 403),
        (["read", "write", "account"], "PATCH", "/auth/me", 200),
    ],
)
def test_a_key_can_do_what_it_was_made_for(alice, scopes, method, path, status):
    _, key = key_for(alice, *scopes)
    body = {"name": "x"} if method != "GET" else None
    answer = Api(key).send(method, path, body)
    assert answer.status_code == status
    if status == 403:
        assert problem(answer) == (403, "scope_required")


def test_a_repeated_request_with_an_idempotency_key_makes_one_key(api):
    answers = [
        api.send("POST", "/auth/keys", {"name": "laptop"}, HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert APIKey.objects.count() == 1
    assert Api(answers[1].json()["key"]).send("GET", "/auth/me").status_code == 200


def test_an_idempotency_key_is_not_taken_for_another_request(api):
    api.send("POST", "/auth/keys", {"name": "laptop"}, HTTP_IDEMPOTENCY_KEY="once")
    other = api.send("POST", "/auth/keys", {"name": "phone"}, HTTP_IDEMPOTENCY_KEY="once")
    assert problem(other) == (422, "idempotency_key_reused")


def test_the_store_of_idempotency_holds_no_key(api):
    from wisqu.api.models import IdempotencyKey

    key = api.send("POST", "/auth/keys", {"name": "laptop"}, HTTP_IDEMPOTENCY_KEY="once").json()["key"]
    assert key not in str(list(IdempotencyKey.objects.values()))


def test_an_account_has_at_most_fifty_keys(alice, api, monkeypatch):
    monkeypatch.setattr(credentials, "MAX_KEYS", 1)
    key_for(alice)
    refused = api.send("POST", "/auth/keys", {"name": "one more"}, HTTP_IDEMPOTENCY_KEY="k")
    assert problem(refused) == (400, "too_many_keys")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "user": 1},
    ],
)
def test_a_key_without_sense_is_refused(api, body):
    assert problem(api.send("POST", "/auth/keys", body)) == (422, "invalid_input")


def test_the_list_of_keys_costs_the_same_for_one_and_for_many(alice, api):
    def count():
        with CaptureQueriesContext(connection) as queries:
            assert api.send("GET", "/auth/keys").status_code == 200
        return len(queries)

    key_for(alice)
    one = count()
    for _ in range(5):
        key_for(alice)
    assert count() == one
