"""Guessing passwords is slow, from everywhere and on every door."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.accounts.clients import Api, make_verified, problem
from tests.people import PASSWORD
from wisqu.accounts import throttle

pytestmark = pytest.mark.django_db
PER_ACCOUNT = throttle.TRIES_PER_ACCOUNT.amount
PER_ADDRESS = throttle.TRIES_PER_ADDRESS.amount


def attempt(email="alice@example.org", password="wrong", address="192.0.2.1"):
    body = {"email": email, "password": password}
    return Api().send("POST", "/auth/token", body, REMOTE_ADDR=address)


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_an_account_is_closed_to_guesses_from_many_addresses_known_or_not(email):
    make_verified()
    for number in range(PER_ACCOUNT):
        assert attempt(email, address=f"192.0.2.{number}").status_code == 401
    answer = attempt(email, PASSWORD, address="198.51.100.1")
    assert problem(answer) == (429, "too_many_attempts")
    assert 0 < int(answer["Retry-After"]) <= 301


def test_one_address_cannot_try_many_accounts():
    for number in range(PER_ADDRESS):
        assert attempt(f"user{number}@example.org").status_code == 401
    assert problem(attempt("fresh@example.org")) == (429, "too_many_attempts")
    assert attempt("fresh@example.org", address="192.0.2.9").status_code == 401


def test_spelling_the_address_otherwise_opens_no_second_count():
    make_verified()
    for _ in range(PER_ACCOUNT):
        attempt("alice@example.org")
    assert attempt("ALICE@example.org", address="192.0.2.2").status_code == 429


def test_a_right_password_clears_the_count_of_its_account_only():
    make_verified()
    make_verified("charlie@example.org")
    for number in range(PER_ACCOUNT - 1):
        attempt(address=f"192.0.2.{number}")
    attempt("charlie@example.org", PASSWORD, address="192.0.2.50")
    assert attempt(password="wrong", address="192.0.2.51").status_code == 401
    assert attempt(address="192.0.2.52").status_code == 429


def test_pages_and_api_count_together():
    make_verified()
    for number in range(PER_ACCOUNT):
        attempt(address=f"192.0.2.{number}")
    page = Client().post("/accounts/login/", {"login": "alice@example.org", "password": PASSWORD})
    assert "_auth_user_id" not in page.client.session
    assert "Too many attempts" in page.content.decode()


def test_a_stolen_session_cannot_guess_the_password_by_deleting():
    user = make_verified()
    client = Client()
    client.force_login(user)
    for _ in range(PER_ACCOUNT):
        client.post("/accounts/delete/", {"word": "DELETE", "password": "wrong"})
    client.post("/accounts/delete/", {"word": "DELETE", "password": PASSWORD})
    assert type(user).objects.filter(pk=user.pk).exists()


def test_a_store_that_is_down_still_counts_in_this_process(settings):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    throttle._shared.cache_clear()
    make_verified()
    for _ in range(PER_ACCOUNT):
        assert attempt().status_code == 401
    assert attempt().status_code == 429
