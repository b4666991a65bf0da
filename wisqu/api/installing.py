"""What makes the pages an application that can be installed: manifest, service worker, and the page without a network.

The worker keeps style sheets, faces and one page that says that there is no network. It never keeps what belongs to
a person, so that signing out leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

ICONS = [
    ("img/app-192.png", "192x192", "any"),
    ("img/app-512.png", "512x512", "any"),
    ("img/app-maskable-512.png", "512x512", "maskable"),
]
SHELL = ["css/tokens.css", "css/base.css", "img/mark.svg", "fonts/inter-latin-wght-normal.woff2"]
ARABIC_SHELL = ["fonts/vazirmatn-arabic-wght-normal.woff2"]


def _language(request: HttpRequest) -> str:
    """Return the language that the address asks for, else the reader's."""
    wish = request.GET.get("language", "")
    return wish if wish in dict(settings.LANGUAGES) else translation.get_language()


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Describe the application to the browser that installs it."""
    language = _language(request)
    with translation.override(language):
        content = {
            "id": "/",
            "start_url": "/",
            "scope": "/",
            "name": "WisQu",
            "short_name": "WisQu",
            "lang": language,
            "dir": "rtl" if translation.get_language_bidi() else "ltr",
            "display": "standalone",
            # A manifest knows one colour only: the pages tell theirs, light and dark, by themselves.
            "background_color": "#faf9f6",
            "theme_color": "#faf9f6",
            "icons": [
                {"src": static(name), "sizes": sizes, "type": "image/png", "purpose": purpose}
                for name, sizes, purpose in ICONS
            ],
            "shortcuts": [{"name": gettext("New chat"), "url": "/"}],
        }
    return JsonResponse(content, content_type="application/manifest+json")


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Say that there is no network, in a page that is the same for everybody."""
    with translation.override(_language(request)):
        return render(_of_nobody(request), "offline.html")


@require_safe
@never_cache
def service_worker(request: HttpRequest) -> HttpResponse:
    """Return the worker's script. A new release or wording changes it, so that browsers take the new one."""
    language = _language(request)
    with translation.override(language):
        page = render_to_string("offline.html", request=_of_nobody(request))
        names = SHELL + (ARABIC_SHELL if translation.get_language_bidi() else [])
    files = [static(name) for name in names]
    address = f"{reverse('offline')}?language={language}"
    version = hashlib.sha256(json.dumps([page, files]).encode()).hexdigest()[:16]
    context: dict[str, Any] = {"facts": {"version": version, "offline": address, "files": files}}
    return render(request, "service-worker.js", context, content_type="text/javascript")


def _of_nobody(request: HttpRequest) -> HttpRequest:
    """Forget who asks: what is kept in a browser outlives the session."""
    request.user = AnonymousUser()
    return request
