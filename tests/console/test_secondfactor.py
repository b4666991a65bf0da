"""The second factor: required of staff by setting, set up with an app, asked for at every sign-in."""

from __future__ import annotations

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from console.models import AuditEntry
from tests.accounts.clients import Api, make_verified
from tests.console.staff import boss, desk_of, shown
from tests.people import PASSWORD, make_alice, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db
LOGIN, ASK = "/accounts/login/", "/accounts/second-factor/authenticate/"
SET_UP = "/accounts/second-factor/totp/activate/"


@pytest.fixture(autouse=True)
def _required(settings) -> None:
    settings.STAFF_SECOND_FACTOR = True
    cache.clear()


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def staff() -> User:
    user = make_verified()
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    return user


def sign_in(browser: Client):
    return browser.post(LOGIN, {"login": "alice@example.org", "password": PASSWORD})


@pytest.mark.django_db(transaction=True)
def test_staff_without_one_are_led_to_setting_it_up_and_then_in() -> None:
    staff()
    browser = Client()
    sign_in(browser)
    assert browser.get("/admin/")["Location"].startswith(SET_UP)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    form = browser.get(SET_UP).context["form"]
    browser.post(SET_UP, {"code": code_of(form.secret)})
    assert browser.get("/admin/").status_code == 200
    assert Authenticator.objects.filter(type="recovery_codes").exists()


def test_signing_in_takes_the_code_as_well() -> None:
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(staff(), secret)
    browser = Client()
    assert sign_in(browser)["Location"] == ASK
    assert browser.get("/admin/").status_code == 302
    assert "incorrect" in shown(browser.post(ASK, {"code": "000000"})).lower()
    browser.post(ASK, {"code": code_of(secret)})
    assert browser.get("/admin/").status_code == 200


def test_a_session_from_before_has_to_show_it() -> None:
    browser = signed_in(make_alice(is_staff=True))
    TOTP.activate(User.objects.get(email="alice@example.org"), "JBSWY3DPEHPK3PXP")
    assert "/second-factor/reauthenticate/" in browser.get("/admin/billing/invoice/")["Location"]


def test_without_the_setting_nobody_is_asked(settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    assert boss().get("/admin/").status_code == 200


def test_a_password_alone_gets_no_token_where_a_second_factor_is_on() -> None:
    TOTP.activate(staff(), "JBSWY3DPEHPK3PXP")
    answer = Api().send("POST", "/auth/token", {"email": "alice@example.org", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")


def test_a_lost_telephone_is_dealt_with_by_those_who_may(settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    alice = make_alice()
    TOTP.activate(alice, "JBSWY3DPEHPK3PXP")
    boss().post(desk_of(alice, "factor"), {"removefactor-why": "Called back on her number"})
    assert not Authenticator.objects.filter(user=alice).exists()
    assert AuditEntry.objects.get().verb == "factor_removed"
