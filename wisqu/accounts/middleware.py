"""Pages in the person's own language and time zone, kept by nobody on the way."""

from __future__ import annotations

import zoneinfo
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.decorators import sync_and_async_middleware

# These answer in one language and in UTC; asking who is there would cost each of them queries.
_WITHOUT = ("/api/", settings.STATIC_URL)


@sync_and_async_middleware
def preferences(get_response: Any) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """Activate the signed-in person's language and time zone while a page is made."""
    if iscoroutinefunction(get_response):

        async def pass_async(request: HttpRequest) -> HttpResponse:
            if _may_prefer(request):
                # The lazy user is loaded in the thread where the view will find it again.
                _activate(request, await sync_to_async(_load)(request))
            try:
                return _private(request, cast(HttpResponse, await get_response(request)))
            finally:
                timezone.deactivate()

        return pass_async

    def pass_sync(request: HttpRequest) -> HttpResponse:
        if _may_prefer(request):
            _activate(request, _load(request))
        try:
            return _private(request, cast(HttpResponse, get_response(request)))
        finally:
            timezone.deactivate()

    return pass_sync


def _may_prefer(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES and not request.path.startswith(_WITHOUT)


def _private(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Forbid keeping a signed-in person's page, unless it says something else of itself."""
    if _may_prefer(request):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _load(request: HttpRequest) -> Any:
    return request.user if request.user.is_authenticated else None


def _activate(request: HttpRequest, user: Any) -> None:
    if user is None:
        return
    translation.activate(user.language)
    request.LANGUAGE_CODE = translation.get_language()
    try:
        timezone.activate(zoneinfo.ZoneInfo(user.time_zone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        timezone.deactivate()
