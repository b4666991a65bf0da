"""The few addresses that belong to no part of the product: what browsers and robots ask for unasked, and the rest."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.http import require_safe


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Send those who look where icons used to be to the icon."""
    return redirect(static("img/mark.svg"))


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Ask robots to stay away: nothing here is public."""
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Say where somebody who found a weakness can write to (RFC 9116), where the operator has an address."""
    if not settings.SUPPORT_EMAIL:
        return not_found(request)
    expires = timezone.now() + timedelta(days=30)
    lines = (f"Contact: mailto:{settings.SUPPORT_EMAIL}", f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


def not_found(request: HttpRequest) -> HttpResponse:
    """Say that there is nothing, in the product's own words also where Django would show its page for developers."""
    return render(request, "404.html", status=404)
