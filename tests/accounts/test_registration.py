"""Making an account over the API."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from tests.accounts.clients import Api, make_verified, problem, sign_in
from wisqu.accounts import throttle
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

NEW = {"email": "New@Example.org", "password": "a long enough one", "name": "نور"}


def register(**changes):
    return Api().send("POST", "/auth/register", {**NEW, **changes})


def link_in_mail() -> str:
    return re.search(r"http://\S+(/accounts/confirm-email/\S+)", mail.outbox[-1].body)[1]


def test_registering_makes_an_account_that_the_mailed_link_opens():
    assert register().status_code == 201
    user = User.objects.get(email="new@example.org")
    assert user.name == "نور"
    assert not user.has_verified_address()
    Client().get(link_in_mail())  # as programs that look at mail do
    assert not user.has_verified_address()
    Client().post(link_in_mail())
    assert sign_in("new@example.org", NEW["password"])["access"]


def test_a_taken_address_gets_the_same_answer_and_another_mail():
    make_verified("new@example.org", password="the owner's")
    taken, free = register(), register(email="other@example.org")
    assert (taken.status_code, taken.json()) == (free.status_code, free.json())
    assert set(taken.headers) == set(free.headers)
    assert [m.to for m in mail.outbox] == [["new@example.org"], ["other@example.org"]]
    assert "confirm-email" not in mail.outbox[0].body
    assert User.objects.get(email="new@example.org").check_password("the owner's")


def test_a_taken_address_is_no_way_to_flood_its_owner():
    make_verified("new@example.org")
    for _ in range(4):
        assert register().status_code == 201
    assert len(mail.outbox) == 1


def test_registering_leaves_no_cookie_behind():
    answer = register()
    assert not answer.cookies


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "password1"}, "password"),
        ({"email": "no address"}, "email"),
        ({"email": ""}, "email"),
        ({"name": "x" * 101}, "name"),
        ({"email": 7}, "email"),
        ({"password": ["a"]}, "password"),
    ],
)
def test_what_no_account_can_have_is_refused_by_field(changes, field):
    answer = register(**changes)
    assert problem(answer) == (422, "invalid_input")
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert not User.objects.exists()


@pytest.mark.parametrize("extra", ["is_staff", "plan", "is_superuser", "id"])
def test_nobody_can_give_themselves_more(extra):
    assert problem(register(**{extra: True})) == (422, "invalid_input")


def test_many_registrations_from_one_address_are_slowed():
    for number in range(throttle.SIGN_UPS_PER_ADDRESS.amount):
        register(email=f"new{number}@example.org", password="short")
    answer = register()
    assert problem(answer) == (429, "too_many_attempts")
    assert int(answer["Retry-After"]) > 0


def test_a_mail_server_that_is_down_does_not_fail_the_registration(monkeypatch):
    def refuse(self, *args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    assert register().status_code == 201
