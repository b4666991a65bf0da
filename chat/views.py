"""The chat pages, readable without scripts; everything that moves is in `static/js`."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import warnings
from billing.models import Subscription
from billing.plans import subscription_for, usage
from chat import choosing
from chat.models import Conversation
from chat.reading import part_of_branch
from chat.sidebar import shelf
from chat.totals import total_of
from chat.words import script_words
from presets import catalogue
from presets.picking import Picker, picker
from wisqu.accounts.models import User
from wisqu.api.pages import not_found

# The key that `make run` gives to the server when it starts the sandbox beside it.
SANDBOX_KEY = "sk-or-sandbox"


@require_safe
@login_required
@never_cache
def new_chat(request: HttpRequest) -> HttpResponse:
    """Show the empty page, or with `part=conversations` a further page of the list alone."""
    if request.GET.get("part") == "conversations":
        return render(request, "chat/_conversations.html", {"shelf": _shelf(request)})
    if request.GET.get("part") == "models":
        offered = choosing.choices(subscription_for(_user(request).id).plan)
        return render(request, "chat/_models.html", {"choices": offered})
    return render(request, "chat/page.html", _page(request) | {"suggestions": _suggestions()})


@require_safe
@login_required
@never_cache
def conversation(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Show the end of a conversation, or with `until` what ends there; with `part=messages` that alone."""
    found = Conversation.objects.for_owner(_user(request).id).filter(id=conversation_id).first()
    until = request.GET.get("until", "")
    if found is None or (until and not _is_uuid(until)):
        return not_found(request)
    part = part_of_branch(found, last_id=uuid.UUID(until) if until else None)
    context = {"conversation": found, "part": part}
    if request.GET.get("part") == "messages":
        return render(request, "chat/_messages.html", context)
    return render(request, "chat/page.html", _page(request, found) | context)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _shelf(request: HttpRequest) -> Any:
    return shelf(_user(request).id, older=request.GET.get("older", ""))


def _page(request: HttpRequest, found: Conversation | None = None) -> dict[str, Any]:
    """Return what both pages show around the thread."""
    subscription = subscription_for(_user(request).id)
    report = usage(_user(request).id, subscription=subscription)
    return {
        "shelf": _shelf(request),
        "plan": subscription.plan,
        "usage": report,
        "warnings": warnings.unseen(_user(request).id, report),
        "usual_model": catalogue.find_default(allow_advanced=subscription.plan.advanced_models),
        "chosen_model": choosing.chosen_name(found),
        "total": total_of(found.id) if found else None,
        "presets": _presets(request, found),
        "is_sandbox": settings.OPENROUTER_API_KEY == SANDBOX_KEY,
        "words": script_words(),
        "longest_message": settings.MAX_MESSAGE_CHARACTERS,
    }


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _suggestions() -> list[dict[str, str]]:
    """Return four ways to begin, each with its icon, a few words and the whole question."""
    return [
        {
            "icon": "book",
            "name": _("Understand a verse"),
            "text": _("What is the Throne Verse, and what do scholars draw from it?"),
        },
        {
            "icon": "compass",
            "name": _("Compare the schools"),
            "text": _("Where do the four schools differ on combining prayers while travelling?"),
        },
        {
            "icon": "pen",
            "name": _("Find the words"),
            "text": _("Write a short, warm note that invites our neighbours to iftar."),
        },
        {
            "icon": "code",
            "name": _("Work something out"),
            "text": _("Show me in a table how zakat on savings is worked out, with an example."),
        },
    ]
