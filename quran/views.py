"""The page that says which texts the product holds, whose they are, and under which licences."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from quran.models import Translation
from wisqu.scripture import verses


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """Show the texts with their versions, licences and notices; for everybody."""
    return render(
        request,
        "quran/about.html",
        {
            "sources": verses.sources(),
            "translations": Translation.objects.filter(is_shown=True),
            "version": getattr(settings, "VERSION", ""),
        },
    )
