"""The operator's desk for people and keys."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.accounts.clients import Api, make_verified, sign_in
from tests.people import PASSWORD
from wisqu.accounts.credentials import find_key, make_key
from wisqu.accounts.models import APIKey, User

pytestmark = pytest.mark.django_db
USERS, KEYS = "/admin/accounts/user/", "/admin/accounts/apikey/"


@pytest.fixture
def desk():
    client = Client()
    client.force_login(User.objects.create_superuser("admin@example.org", PASSWORD))
    return client


def act(desk, where, action, *rows):
    return desk.post(where, {"action": action, "_selected_action": [str(row.pk) for row in rows]})


def test_staff_sign_in_where_everybody_does():
    answer = Client().get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/")


def test_others_are_kept_out():
    client = Client()
    client.force_login(make_verified())
    assert client.get(USERS).status_code in (302, 403)
    assert client.get("/admin/login/").status_code == 403


def test_a_made_account_can_sign_in_at_once(desk):
    body = {"email": "New@Example.org", "name": "N", "usable_password": "true"}
    desk.post(f"{USERS}add/", {**body, "password1": PASSWORD, "password2": PASSWORD})
    assert sign_in("new@example.org")["access"]


def test_deactivating_ends_every_sign_in(desk):
    user = make_verified()
    pair = sign_in()
    act(desk, USERS, "deactivate", user)
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401
    act(desk, USERS, "activate", user)
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401
    assert sign_in()["access"]


def test_staff_cannot_lock_themselves_out(desk):
    admin = User.objects.get()
    act(desk, USERS, "deactivate", admin)
    admin.refresh_from_db()
    assert admin.is_active


def test_unticking_active_in_the_form_ends_sign_ins_too(desk):
    user = make_verified()
    pair = sign_in()
    body = {"email": user.email, "name": "", "language": "en", "theme": "system", "time_zone": "UTC"}
    assert desk.post(f"{USERS}{user.pk}/change/", body).status_code == 302
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401


def test_signing_out_everywhere(desk):
    user = make_verified()
    pair = sign_in()
    act(desk, USERS, "sign_out_everywhere", user)
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401


def test_people_are_found(desk):
    make_verified()
    for query in ("q=alice", "is_active__exact=1", "is_staff__exact=1"):
        assert desk.get(f"{USERS}?{query}").status_code == 200
    assert "alice@example.org" in desk.get(f"{USERS}?q=alice").content.decode()


def test_keys_are_looked_at_and_revoked_but_never_made_or_changed(desk):
    row, key = make_key(user=make_verified(), name="robot", scopes=["read"])
    assert "robot" in desk.get(KEYS).content.decode()
    assert desk.get(f"{KEYS}{row.pk}/change/").status_code == 200
    assert row.secret_hash not in desk.get(f"{KEYS}{row.pk}/change/").content.decode()
    assert desk.get(f"{KEYS}add/").status_code == 403
    assert desk.post(f"{KEYS}{row.pk}/change/", {"name": "x"}).status_code == 403
    act(desk, KEYS, "revoke", row)
    assert find_key(key) is None
    assert APIKey.objects.get().name == "robot"
