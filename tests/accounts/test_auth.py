"""Who is asking: session, token and key, on each framework and on the socket."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from tests.accounts.clients import Api, make_verified, problem, sign_in
from wisqu.accounts import auth
from wisqu.accounts.auth import _resolve_scope, resolve, resolve_scope
from wisqu.accounts.credentials import make_key
from wisqu.accounts.models import Session
from wisqu.api.problems import Unauthenticated

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return make_verified()


@pytest.fixture
def page(alice):
    """A browser that is signed in."""
    api = Api()
    api.force_login(alice)
    return api


def cookie(api) -> str:
    return api.cookies[settings.SESSION_COOKIE_NAME].value


def with_csrf(api) -> dict[str, str]:
    token = "a" * 32
    api.cookies[settings.CSRF_COOKIE_NAME] = token
    return {"HTTP_X_CSRFTOKEN": token}


def test_the_session_cookie_reads_without_a_csrf_token(page):
    assert page.send("GET", "/auth/me").status_code == 200


def test_the_session_cookie_changes_nothing_without_a_csrf_token(page, alice):
    assert problem(page.send("PATCH", "/auth/me", {"name": "x"})) == (403, "csrf_failed")
    assert page.send("PATCH", "/auth/me", {"name": "x"}, **with_csrf(page)).status_code == 200


def test_a_wrong_csrf_token_does_not_help(page):
    with_csrf(page)
    answer = page.send("PATCH", "/auth/me", {"name": "x"}, HTTP_X_CSRFTOKEN="b" * 32)
    assert problem(answer) == (403, "csrf_failed")


def test_ninja_asks_the_session_for_a_csrf_token_too(page):
    request = RequestFactory().post("/api/v1/chat", {}, content_type="application/json")
    request.COOKIES = {settings.SESSION_COOKIE_NAME: cookie(page)}
    with pytest.raises(auth.CSRFFailed):
        resolve(request)


def test_a_bearer_needs_no_csrf_token(alice):
    assert Api(sign_in()["access"]).send("PATCH", "/auth/me", {"name": "x"}).status_code == 200


def test_a_bad_bearer_is_not_saved_by_a_good_cookie(page):
    answer = page.send("GET", "/auth/me", HTTP_AUTHORIZATION="Bearer nonsense")
    assert problem(answer) == (401, "not_authenticated")


def test_a_session_costs_one_query(page):
    request = RequestFactory().get("/api/v1/auth/me")
    request.COOKIES = {settings.SESSION_COOKIE_NAME: cookie(page)}
    with CaptureQueriesContext(connection) as queries:
        _, credential = resolve(request)
    assert (credential.kind, len(queries)) == ("session", 1)


def test_a_session_of_a_deactivated_user_is_refused(page, alice):
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    assert page.send("GET", "/auth/me").status_code == 401


def test_a_session_from_before_a_password_change_is_refused(page, alice):
    alice.set_password("another long one")
    alice.save()
    assert page.send("GET", "/auth/me").status_code == 401
    assert not Session.objects.filter(user=alice).exists()


def test_a_session_whose_row_was_taken_over_by_another_user_is_refused(page):
    charlie = make_verified("charlie@example.org")
    Session.objects.update(user=charlie)
    assert page.send("GET", "/auth/me").status_code == 401


@pytest.mark.parametrize("value", ["", "x", "' OR 1=1 --", "a" * 500, "%00" * 10])
def test_a_cookie_of_nonsense_is_nobody(value):
    api = Api()
    api.cookies[settings.SESSION_COOKIE_NAME] = value
    assert api.send("GET", "/auth/me").status_code == 401


def test_anonymous_sessions_are_nobody(client):
    client.get("/accounts/login/")
    request = RequestFactory().get("/")
    request.COOKIES = {name: morsel.value for name, morsel in client.cookies.items()}
    assert resolve(request) is None


# --- The socket -----------------------------------------------------------------------------------


def scope(*, subprotocols=(), cookies=""):
    return {"subprotocols": list(subprotocols), "headers": [(b"cookie", cookies.encode())]}


def test_a_socket_is_opened_by_the_session_cookie(page, alice):
    user, credential = _resolve_scope(scope(cookies=f"a=b; {settings.SESSION_COOKIE_NAME}={cookie(page)}"))
    assert (user, credential.kind) == (alice, "session")


def test_a_socket_is_opened_by_a_token_in_the_subprotocol(alice):
    access = sign_in()["access"]
    user, credential = _resolve_scope(scope(subprotocols=["wisqu.v1", f"bearer.{access}"]))
    assert (user, credential.kind) == (alice, "token")


def test_a_socket_is_opened_by_a_key_that_may_write(alice):
    _, key = make_key(user=alice, name="robot", scopes=["read", "write"])
    _, reading = make_key(user=alice, name="reader", scopes=["read"])
    assert _resolve_scope(scope(subprotocols=[f"bearer.{key}"]))[0] == alice
    assert _resolve_scope(scope(subprotocols=[f"bearer.{reading}"])) is None


def test_a_bad_bearer_on_the_socket_is_not_saved_by_the_cookie(page):
    cookies = f"{settings.SESSION_COOKIE_NAME}={cookie(page)}"
    assert _resolve_scope(scope(subprotocols=["bearer.nonsense"], cookies=cookies)) is None


def test_a_token_in_the_address_of_a_socket_is_not_read(alice):
    address = {"query_string": f"token={sign_in()['access']}".encode(), "headers": []}
    assert _resolve_scope(address) is None


@pytest.mark.django_db(transaction=True)
async def test_the_doors_of_ninja_and_channels_answer_from_their_thread():
    from asgiref.sync import sync_to_async

    await sync_to_async(make_verified)()
    access = (await sync_to_async(sign_in)())["access"]
    request = RequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {access}")
    user, credential = await auth.authenticate(request)
    assert (request.user, credential.kind) == (user, "token")
    assert (await resolve_scope(scope(subprotocols=[f"bearer.{access}"])))[0] == user
    with pytest.raises(Unauthenticated):
        await auth.authenticate(RequestFactory().get("/"))
