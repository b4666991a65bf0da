"""The page of images. What it shows comes with the page; what happens then comes over the socket."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.plans import plan_for, usage
from imagery import palette
from imagery.documents import plain_document
from imagery.models import GeneratedImage
from imagery.words import meter_text, words
from wisqu.accounts.models import User
from wisqu.api.pagination import cursor_after

PAGE = 24


@require_safe
@login_required
@never_cache
def gallery(request: HttpRequest) -> HttpResponse:
    """One's own images, and the box to wish for more."""
    assert isinstance(request.user, User)
    plan = plan_for(request.user.pk)
    rows = list(GeneratedImage.objects.for_owner(request.user.pk)[: PAGE + 1])
    may_make = settings.IMAGE_GENERATION_ENABLED and plan.image_generation
    painters = palette.painters(allow_advanced=plan.advanced_models) if may_make else []
    facts: dict[str, Any] = {
        "images": [plain_document(image) for image in rows[:PAGE]],
        "has_more": len(rows) > PAGE,
        "cursor": cursor_after(rows[PAGE - 1].id) if len(rows) > PAGE else None,
        "page": PAGE,
        "painters": [each.facts() for each in painters],
    }
    context = {
        "facts": facts,
        "painters": painters,
        "may_make": bool(painters),
        "is_enabled": settings.IMAGE_GENERATION_ENABLED,
        "plan": plan,
        "meter_text": meter_text(usage(request.user.pk)["images"]),
        "words": words(),
    }
    return render(request, "imagery/gallery.html", context)
