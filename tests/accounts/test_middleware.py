"""Pages know the person's language and time zone; the API never asks for them."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from tests.accounts.clients import make_verified
from wisqu.accounts.middleware import preferences

pytestmark = pytest.mark.django_db


def seen_by_view(request) -> HttpResponse:
    return HttpResponse(f"{translation.get_language()} {timezone.get_current_timezone_name()}")


def request_of(user, path="/"):
    request = RequestFactory().get(path)
    request.COOKIES["sessionid"] = "x"
    request.user = user
    return request


def test_a_page_is_made_in_the_persons_language_and_time_zone():
    user = make_verified(language="fa", time_zone="Asia/Tehran")
    assert preferences(seen_by_view)(request_of(user)).content == b"fa Asia/Tehran"
    assert timezone.get_current_timezone_name() == "UTC"


def test_a_time_zone_that_is_gone_does_no_harm():
    user = make_verified(time_zone="Mars/Olympus")
    assert preferences(seen_by_view)(request_of(user)).content == b"en UTC"


def test_a_signed_in_persons_page_is_kept_by_nobody():
    client = Client()
    client.force_login(make_verified(), backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get("/accounts/email/")
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    assert "Cache-Control" not in preferences(seen_by_view)(RequestFactory().get("/about"))


def test_what_a_page_says_of_itself_holds():
    def view(request) -> HttpResponse:
        return HttpResponse(headers={"Cache-Control": "private, max-age=300"})

    assert preferences(view)(request_of(make_verified()))["Cache-Control"] == "private, max-age=300"


def test_the_api_is_left_alone():
    user = make_verified(language="fa", time_zone="Asia/Tehran")
    with translation.override("en"):
        assert preferences(seen_by_view)(request_of(user, "/api/v1/auth/me")).content == b"en UTC"


def test_a_page_without_a_session_asks_the_database_nothing():
    with CaptureQueriesContext(connection) as queries:
        Client().get("/accounts/inactive/")
    assert len(queries) == 0


@pytest.mark.django_db(transaction=True)
def test_it_works_under_the_async_server():
    user = make_verified(language="ar", theme="dark")
    client = AsyncClient()
    client.force_login(user)

    async def visit() -> str:
        page = await client.get("/accounts/profile/")
        await sync_to_async(connections.close_all)()  # of the thread that made the page
        return page.content.decode()

    page = asyncio.run(visit())
    assert '<html lang="ar" dir="rtl"' in page
