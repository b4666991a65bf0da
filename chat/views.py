"""The chat pages, readable without scripts; everything that moves is in `static/js`."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from billing import warnings
from billing.plans import subscription_for, usage
from chat import choosing, filewords, reviews, sharing
from chat.models import Conversation, Feedback, Message
from chat.reading import part_around, part_of_branch
from chat.sidebar import folders, shelf
from chat.totals import total_of
from chat.words import script_words
from presets import catalogue, searching
from presets.picking import Picker, picker
from wisqu.accounts.models import User
from wisqu.api.pages import not_found

# The key that `make run` gives to the server when it starts the sandbox beside it.
SANDBOX_KEY = "sk-or-sandbox"


@require_safe
@login_required
@never_cache
def new_chat(request: HttpRequest) -> HttpResponse:
    """Show the empty page, or with `part` a further page of the list alone, or the models to choose from."""
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
    """Show the end of a conversation; with `part=messages` that alone.

    With `until` it shows what ends there, with `leaf` of that branch, with `at` what stands around that message.
    """
    rows = Conversation.objects.for_owner(_user(request).id).for_page()
    found = rows.filter(id=conversation_id).first()
    places = {name: request.GET.get(name, "") for name in ("at", "until", "leaf")}
    if found is None or not all(_is_uuid(place) for place in places.values() if place):
        return not_found(request)
    at, until, leaf = (uuid.UUID(place) if place else None for place in places.values())
    part = part_around(found, at) if at else part_of_branch(found, last_id=until, leaf_id=leaf)
    context = {"conversation": found, "part": part}
    if request.GET.get("part") == "messages":
        return render(request, "chat/_messages.html", context)
    return render(request, "chat/page.html", _page(request, found) | context)


@require_safe
@login_required
@never_cache
def checked(request: HttpRequest, message_id: uuid.UUID) -> HttpResponse:
    """Show an answer's text with its quotations marked, and the notes on them: a part of a page."""
    rows = Message.objects.for_owner(_user(request).id).for_reading()
    message = rows.filter(id=message_id, role=Message.Role.ASSISTANT).first()
    if message is None:
        return not_found(request)
    return render(request, "chat/_marked.html", {"message": message})


@require_POST
@login_required
def correction_seen(request: HttpRequest, review_id: uuid.UUID) -> HttpResponse:
    """Take the notice of a correction off the pages; the correction itself stays beneath its answer."""
    if not reviews.mark_seen(owner_id=_user(request).id, review_id=review_id):
        return not_found(request)
    return redirect("new_chat")


@require_safe
@never_cache
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """Show a conversation to whoever has its link, and to no search engine."""
    number = request.GET.get("page", "1")
    found = sharing.read(token, number=int(number) if number.isdecimal() and len(number) < 7 else 1)
    if found is None:
        return not_found(request)
    response = render(request, "chat/shared.html", {"shared": found, "words": script_words()})
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"  # whoever is linked to need not learn the link
    return response


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _shelf(request: HttpRequest) -> Any:
    return shelf(_user(request).id, older=request.GET.get("older", ""), place=request.GET.get("in", ""))


def _page(request: HttpRequest, found: Conversation | None = None) -> dict[str, Any]:
    """Return what both pages show around the thread."""
    subscription = subscription_for(_user(request).id)
    report = usage(_user(request).id, subscription=subscription)
    return {
        "shelf": _shelf(request),
        "folders": folders(_user(request).id),
        "reasons": Feedback.Reason.choices,
        "plan": subscription.plan,
        "usage": report,
        "corrected": reviews.unseen(_user(request).id),
        "warnings": warnings.unseen(_user(request).id, report),
        "usual_model": catalogue.find_default(allow_advanced=subscription.plan.advanced_models),
        "chosen_model": choosing.chosen_name(found),
        "total": total_of(found.id) if found else None,
        "presets": _presets(request, found),
        "is_sandbox": settings.OPENROUTER_API_KEY == SANDBOX_KEY,
        "words": script_words(),
        "longest_message": settings.MAX_MESSAGE_CHARACTERS,
        "attachment_limits": filewords.limits(),
        "import_most_bytes": settings.IMPORT_MAX_BYTES,
        "longest_recording": settings.AUDIO_MAX_MINUTES * 60,
        "can_search_web": not catalogue.is_server_of_ones_own(),
        "most_search_domains": searching.MOST_DOMAINS,
        "search_results": range(1, searching.MOST_RESULTS + 1),
    }


def _presets(request: HttpRequest, found: Conversation | None) -> Picker:
    user_id, wish = _user(request).id, request.GET.get("preset", "")
    if found is not None:
        return picker(user_id, is_new=False, preset_id=found.preset_id)
    return picker(user_id, is_new=True, wish=wish)


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
