"""The account pages, as a browser without JavaScript uses them."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.accounts.clients import make_verified
from tests.people import PASSWORD
from wisqu.accounts.credentials import find_key, make_key
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

SIGN_UP = {"email": "new@example.org", "password1": "a long enough one", "name": "نور"}
SIGNED_OUT_PAGES = ["login", "signup", "reset_password", "reset_password_done", "inactive"]
SIGNED_IN_PAGES = ["profile", "keys", "delete", "change_password", "email", "logout"]


@pytest.fixture
def alice():
    return make_verified()


@pytest.fixture
def browser(alice):
    client = Client()
    client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert "_auth_user_id" in client.session
    return client


def link(pattern: str) -> str:
    """Return the path of the link in the last mail."""
    return re.search(rf"http://testserver({pattern})", mail.outbox[-1].body)[1]


def is_signed_in(client: Client) -> bool:
    return client.get("/accounts/profile/").status_code == 200


def check_page(answer) -> None:
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "<h1" in html
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    assert "unsafe" not in answer["Content-Security-Policy"]
    labelled = set(re.findall(r'<label[^>]*for="([^"]+)"', html))
    visible = re.findall(r'<(?:input(?![^>]*type="hidden")|select|textarea)[^>]*\sid="([^"]+)"', html)
    assert set(visible) <= labelled


@pytest.mark.parametrize("name", SIGNED_OUT_PAGES)
def test_pages_before_signing_in_are_whole(client, name):
    check_page(client.get(reverse(f"account_{name}")))


@pytest.mark.parametrize("name", SIGNED_IN_PAGES)
def test_pages_after_signing_in_are_whole(browser, name):
    check_page(browser.get(reverse(f"account_{name}"), follow=name == "email"))


@pytest.mark.parametrize("name", [name for name in SIGNED_IN_PAGES if name != "logout"])
def test_pages_of_an_account_ask_strangers_to_sign_in(client, name):
    answer = client.get(reverse(f"account_{name}"))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=")


def test_a_person_signs_up_confirms_and_is_in(client):
    answer = client.post("/accounts/signup/", SIGN_UP, follow=True)
    assert "Check your mail" in answer.content.decode()
    assert not is_signed_in(client)
    path = link(r"/accounts/confirm-email/\S+")
    check_page(client.get(path))
    client.post(path)
    assert is_signed_in(client)
    assert User.objects.get().name == "نور"


def test_a_link_opened_elsewhere_confirms_but_signs_nobody_in(client):
    client.post("/accounts/signup/", SIGN_UP)
    other = Client()
    other.post(link(r"/accounts/confirm-email/\S+"))
    assert User.objects.get().has_verified_address()
    assert not is_signed_in(other)


def test_signing_up_with_a_taken_address_looks_the_same(client, alice):
    taken = Client().post("/accounts/signup/", {**SIGN_UP, "email": alice.email}, follow=True)
    free = Client().post("/accounts/signup/", SIGN_UP, follow=True)
    assert taken.redirect_chain == free.redirect_chain
    strip = re.compile(r'csrfmiddlewaretoken" value="[^"]+"|nonce="[^"]+"|alice@example.org|new@example.org')
    assert strip.sub("", taken.content.decode()) == strip.sub("", free.content.decode())
    assert alice.check_password(PASSWORD)


def test_an_account_without_a_confirmed_address_is_not_let_in(client):
    client.post("/accounts/signup/", SIGN_UP)
    answer = Client().post("/accounts/login/", {"login": SIGN_UP["email"], "password": SIGN_UP["password1"]})
    assert answer["Location"] == "/accounts/confirm-email/"


def test_development_tells_where_its_mail_goes(client, settings):
    assert "development server" not in client.get("/accounts/confirm-email/").content.decode()
    settings.DEBUG = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert "development server" in client.get("/accounts/confirm-email/").content.decode()


def test_signing_in_with_a_wrong_password_or_for_nobody_reads_alike(client, alice):
    def errors(login):
        page = client.post("/accounts/login/", {"login": login, "password": "wrong"}).content.decode()
        return re.search(r'role="alert">([^<]+)', page)[1]

    assert errors(alice.email) == errors("nobody@example.org")


def test_signing_in_leads_back_where_one_came_from_but_never_off_the_site(alice):
    body = {"login": alice.email, "password": PASSWORD}
    assert (
        Client().post("/accounts/login/", {**body, "next": "/accounts/keys/"})["Location"]
        == "/accounts/keys/"
    )
    for evil in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        assert Client().post("/accounts/login/", {**body, "next": evil})["Location"] == "/"


def test_a_deactivated_person_is_told_so_after_the_right_password_only(alice):
    alice.is_active = False
    alice.save()
    right = Client().post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    wrong = Client().post("/accounts/login/", {"login": alice.email, "password": "wrong"})
    assert right["Location"] == "/accounts/inactive/"
    assert wrong.status_code == 200


def test_signing_out_takes_a_post(browser):
    browser.get("/accounts/logout/")
    assert is_signed_in(browser)
    browser.post("/accounts/logout/")
    assert not is_signed_in(browser)


def test_forms_without_a_csrf_token_change_nothing(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    for name in ("profile", "keys", "delete", "change_password", "end_sign_ins", "logout"):
        assert browser.post(reverse(f"account_{name}"), {"name": "x"}).status_code == 403


def test_a_forgotten_password_is_replaced_by_mail(browser, alice):
    client = Client()
    client.post("/accounts/password/reset/", {"email": alice.email})
    page = client.get(link(r"/accounts/password/reset/key/\S+"), follow=True)
    check_page(page)
    action = page.redirect_chain[-1][0]
    new = {"password1": "another long one", "password2": "another long one"}
    assert "Password changed" in client.post(action, new, follow=True).content.decode()
    alice.refresh_from_db()
    assert alice.check_password("another long one")
    assert not is_signed_in(browser)


def test_a_reset_link_works_once(client, alice):
    client.post("/accounts/password/reset/", {"email": alice.email})
    path = link(r"/accounts/password/reset/key/\S+")
    alice.set_password("meanwhile changed")
    alice.save()
    assert "Ask for a new link" in client.get(path, follow=True).content.decode()


def test_asking_for_a_reset_reads_alike_for_nobody(client, alice):
    known = client.post("/accounts/password/reset/", {"email": alice.email}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.org"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain
    assert [m.to for m in mail.outbox] == [[alice.email], ["nobody@example.org"]]


def test_changing_the_password_keeps_this_browser_and_ends_the_others(browser, alice):
    other = Client()
    other.force_login(alice)
    new = {"oldpassword": PASSWORD, "password1": "another long one", "password2": "another long one"}
    browser.post("/accounts/password/change/", new)
    assert is_signed_in(browser)
    assert not is_signed_in(other)


def test_a_changed_address_counts_once_its_mail_is_answered(browser, alice):
    browser.get("/accounts/email/")
    browser.post("/accounts/email/", {"action_add": "", "email": "next@example.org"}, follow=True)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/email/"})
    browser.post("/accounts/email/", {"action_add": "", "email": "next@example.org"}, follow=True)
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    browser.post(link(r"/accounts/confirm-email/\S+"))
    alice.refresh_from_db()
    assert alice.email == "next@example.org"
    assert alice.has_verified_address()


def test_the_profile_saves_and_speaks_the_chosen_language(browser, alice):
    body = {
        "name": "ليلى",
        "language": "ar",
        "theme": "dark",
        "time_zone": "Asia/Tehran",
        "tradition": "shia",
    }
    page = browser.post("/accounts/profile/", body, follow=True).content.decode()
    alice.refresh_from_db()
    assert {field: getattr(alice, field) for field in body} == body
    assert re.search(r'<html lang="ar" dir="rtl" data-theme="dark"', page)


@pytest.mark.parametrize(
    "change", [{"language": "xx"}, {"theme": "pink"}, {"time_zone": "Mars"}, {"name": "\x00"}]
)
def test_a_profile_without_sense_is_not_saved(browser, alice, change):
    body = {"name": "L", "language": "en", "theme": "dark", "time_zone": "UTC", **change}
    assert browser.post("/accounts/profile/", body).status_code == 200
    alice.refresh_from_db()
    assert alice.theme == "system"


def test_signing_out_everywhere_else_keeps_this_browser(browser, alice):
    other = Client()
    other.force_login(alice)
    browser.post("/accounts/sessions/end/")
    assert is_signed_in(browser)
    assert not is_signed_in(other)


def test_a_new_key_is_shown_once(browser):
    page = browser.post("/accounts/keys/", {"name": "laptop", "scopes": ["read", "write"]}).content.decode()
    key = re.search(r"wq_[a-z0-9]{12}_\w+", page)[0]
    assert find_key(key)
    assert key not in browser.get("/accounts/keys/").content.decode()
    assert "laptop" in browser.get("/accounts/keys/").content.decode()


def test_charlie_cannot_revoke_the_key_of_alice(alice):
    row, key = make_key(user=alice, name="robot", scopes=["read"])
    charlie = Client()
    charlie.force_login(make_verified("charlie@example.org"))
    charlie.post(f"/accounts/keys/{row.id}/revoke/")
    assert find_key(key)


def test_a_key_is_revoked_by_its_owner(browser, alice):
    row, key = make_key(user=alice, name="robot", scopes=["read"])
    browser.post(f"/accounts/keys/{row.id}/revoke/")
    assert find_key(key) is None


@pytest.mark.parametrize(
    "body", [{"word": "DELETE", "password": "wrong"}, {"word": "yes", "password": PASSWORD}, {}]
)
def test_an_account_is_not_deleted_by_mistake(browser, alice, body):
    assert browser.post("/accounts/delete/", body).status_code == 200
    assert User.objects.filter(pk=alice.pk).exists()


def test_an_account_is_deleted_with_word_and_password(browser, alice):
    page = browser.post("/accounts/delete/", {"word": "delete", "password": PASSWORD})
    assert "Your account is erased" in page.content.decode()
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not is_signed_in(browser)


def test_the_export_comes_as_a_file(browser, alice):
    answer = browser.get("/accounts/export/")
    assert answer["Content-Disposition"] == 'attachment; filename="wisqu-export.json"'
    assert answer.json()["account"]["email"] == alice.email


def test_a_hostile_name_stays_text(browser, alice):
    make_key(user=alice, name="<script>alert(1)</script>", scopes=["read"])
    assert "<script>alert" not in browser.get("/accounts/keys/").content.decode()


def test_too_many_requests_get_a_page_of_ours(client):
    for _ in range(20):
        client.post("/accounts/signup/", {})
    answer = client.post("/accounts/signup/", {})
    assert answer.status_code == 429
    assert "A moment, please" in answer.content.decode()


def test_cookies_are_kept_from_scripts_and_other_sites(browser):
    session = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert (session["httponly"], session["samesite"]) == (True, "Lax")
