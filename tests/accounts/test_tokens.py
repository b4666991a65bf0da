"""Signing in with a password, and what becomes of the tokens."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.accounts.clients import Api, make_verified, problem, sign_in
from tests.people import PASSWORD, make_user
from wisqu.accounts import tokens
from wisqu.accounts.models import RefreshToken, TokenFamily

pytestmark = pytest.mark.django_db


def refresh(token: str):
    return Api().send("POST", "/auth/token/refresh", {"refresh": token})


def test_a_password_gives_tokens_that_open_the_account():
    make_verified()
    pair = sign_in()
    answer = Api(pair["access"]).send("GET", "/auth/me")
    assert (answer.status_code, answer.json()["email"]) == (200, "alice@example.org")
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)


def test_the_address_is_read_in_any_case():
    make_verified()
    assert sign_in("Alice@Example.ORG")["access"]


@pytest.mark.parametrize(
    ("email", "password"), [("alice@example.org", "wrong"), ("nobody@example.org", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_account_are_answered_alike(email, password):
    make_verified()
    answer = Api().send("POST", "/auth/token", {"email": email, "password": password})
    assert problem(answer) == (401, "invalid_credentials")
    assert "don't match" in answer.json()["detail"]


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_known_and_unknown_accounts_cost_one_hash_each(email, monkeypatch):
    from django.contrib.auth.hashers import MD5PasswordHasher

    make_verified()
    hashes = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *a, **k: hashes.append(1) or encode(*a, **k))
    Api().send("POST", "/auth/token", {"email": email, "password": "wrong"})
    assert len(hashes) == 1


def test_an_unverified_address_is_told_only_after_the_right_password():
    make_user()
    wrong = Api().send("POST", "/auth/token", {"email": "alice@example.org", "password": "wrong"})
    right = Api().send("POST", "/auth/token", {"email": "alice@example.org", "password": PASSWORD})
    assert problem(wrong) == (401, "invalid_credentials")
    assert problem(right) == (403, "email_not_verified")
    assert [m.to for m in mail.outbox] == [["alice@example.org"]]


def test_a_deactivated_user_looks_like_a_wrong_password():
    make_verified(is_active=False)
    answer = Api().send("POST", "/auth/token", {"email": "alice@example.org", "password": PASSWORD})
    assert problem(answer) == (401, "invalid_credentials")


def test_a_request_with_an_access_token_asks_for_user_and_sign_in_in_one_query():
    make_verified()
    access = sign_in()["access"]
    with CaptureQueriesContext(connection) as queries:
        assert tokens.read_access(access)
    assert len(queries) == 1


def test_a_refresh_token_gives_a_new_pair():
    make_verified()
    answer = refresh(sign_in()["refresh"])
    assert answer.status_code == 200
    assert Api(answer.json()["access"]).send("GET", "/auth/me").status_code == 200


def test_a_reused_refresh_token_ends_its_whole_family():
    make_verified()
    first = sign_in()
    second = refresh(first["refresh"]).json()
    assert problem(refresh(first["refresh"])) == (401, "invalid_refresh_token")
    assert problem(refresh(second["refresh"])) == (401, "invalid_refresh_token")
    assert problem(Api(second["access"]).send("GET", "/auth/me")) == (401, "not_authenticated")


def test_a_reused_refresh_token_leaves_other_sign_ins_alone():
    make_verified()
    other, first = sign_in(), sign_in()
    refresh(first["refresh"])
    refresh(first["refresh"])
    assert refresh(other["refresh"]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_of_a_refresh_token_one_at_most_succeeds():
    make_verified()
    token = sign_in()["refresh"]

    def use(_):
        try:
            return refresh(token).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(use, range(6)))
    assert sorted(set(answers)) == [200, 401]
    assert answers.count(200) == 1
    assert not TokenFamily.objects.filter(revoked_at=None).exists()


def test_a_revoked_refresh_token_ends_its_access_token():
    make_verified()
    pair = sign_in()
    assert Api().send("POST", "/auth/token/revoke", {"refresh": pair["refresh"]}).status_code == 204
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401
    assert refresh(pair["refresh"]).status_code == 401


def test_revoking_an_unknown_token_tells_nothing():
    assert Api().send("POST", "/auth/token/revoke", {"refresh": "wqr_nobody"}).status_code == 204


def test_an_access_token_ends_after_a_quarter_of_an_hour():
    make_verified()
    access = sign_in()["access"]
    with time_machine.travel(timezone.now() + timedelta(minutes=14, seconds=50), tick=False):
        assert tokens.read_access(access)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=5), tick=False):
        assert tokens.read_access(access) is None


def test_a_refresh_token_ends_after_thirty_days():
    make_verified()
    token = sign_in()["refresh"]
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        assert refresh(token).status_code == 401


def test_a_deactivated_user_can_neither_refresh_nor_go_on():
    user = make_verified()
    pair = sign_in()
    user.is_active = False
    user.save()
    assert refresh(pair["refresh"]).status_code == 401
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401


def test_activation_does_not_revive_old_tokens():
    user = make_verified()
    pair = sign_in()
    for is_active in (False, True):
        user.is_active = is_active
        user.save()
    assert refresh(pair["refresh"]).status_code == 401
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401


def test_a_changed_password_ends_tokens():
    user = make_verified()
    pair = sign_in()
    user.set_password("another long one")
    user.save()
    assert refresh(pair["refresh"]).status_code == 401
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401


def test_a_sign_in_that_raced_a_password_change_gives_no_living_tokens():
    stale = make_verified()
    fresh = type(stale).objects.get(pk=stale.pk)
    fresh.set_password("another long one")
    fresh.save()
    pair = tokens.open_family(stale)
    assert tokens.read_access(pair.access) is None
    assert refresh(pair.refresh).status_code == 401


def forged(access: str, header: dict | None = None, **claims) -> str:
    """Return the token with other claims or header, its old signature kept."""

    def opened(part):
        return json.loads(base64.urlsafe_b64decode(part + "=="))

    def closed(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    head, body, signature = access.split(".")
    return f"{closed(opened(head) | (header or {}))}.{closed(opened(body) | claims)}.{signature}"


def test_a_tampered_token_is_refused():
    make_verified()
    charlie = make_verified("charlie@example.org")
    access = sign_in()["access"]
    assert Api(forged(access, sub=str(charlie.pk))).send("GET", "/auth/me").status_code == 401
    assert Api(forged(access, exp=9_999_999_999)).send("GET", "/auth/me").status_code == 401


@pytest.mark.parametrize("algorithm", ["none", "None", "RS256"])
def test_a_token_without_or_with_another_algorithm_is_refused(algorithm):
    make_verified()
    token = forged(sign_in()["access"], {"alg": algorithm, "kid": "../../dev/null"})
    unsigned = token.rsplit(".", 1)[0] + "."
    assert Api(token).send("GET", "/auth/me").status_code == 401
    assert Api(unsigned).send("GET", "/auth/me").status_code == 401


@pytest.mark.parametrize(
    "bearer", ["", "x", "a.b.c", "' OR 1=1 --", "wq_' OR '1'='1", "\u00ff" * 20, "." * 5000]
)
def test_nonsense_is_refused_as_nobody(bearer):
    answer = Api().send("GET", "/auth/me", HTTP_AUTHORIZATION=f"Bearer {bearer}")
    assert problem(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_refresh_token_is_no_access_token():
    make_verified()
    assert Api(sign_in()["refresh"]).send("GET", "/auth/me").status_code == 401


def test_refresh_tokens_are_kept_only_as_hashes():
    make_verified()
    token = sign_in()["refresh"]
    assert token not in str(RefreshToken.objects.values_list())


@pytest.mark.parametrize(
    "path", ["/auth/token", "/auth/register", "/auth/token/refresh", "/auth/token/revoke"]
)
def test_unknown_fields_are_refused(path):
    body = {"email": "a@example.org", "password": "long enough", "refresh": "x", "is_staff": True}
    answer = Api().send("POST", path, body)
    assert problem(answer) == (422, "invalid_input")
    assert ("is_staff", "unknown_field") in [(e["field"], e["code"]) for e in answer.json()["errors"]]
