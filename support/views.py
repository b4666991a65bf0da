"""The help page and the page of a ticket; they work without scripts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing.plans import plan_for
from support import tickets
from support.forms import NoteForm, TicketForm
from support.models import Note, Ticket
from wisqu.accounts.models import User
from wisqu.accounts.throttle import TooManyTries
from wisqu.api import idempotency
from wisqu.api.ids import uuid7
from wisqu.api.pages import not_found
from wisqu.api.problems import NotFound

SHOWN = 50
HOURS_A_DAY = 24


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def help_page(request: HttpRequest) -> HttpResponse:
    """Show one's tickets and the form; with `answer` and `request` in the address they are filled in."""
    user = _user(request)
    form = TicketForm(request.POST or None, user=user, initial=_initial(request))
    if request.method == "POST" and form.is_valid():
        try:
            return _opened(request, _open(user, form.cleaned_data))
        except (NotFound, TooManyTries) as refusal:
            form.add_error(None, _refusal(refusal))
    plan = plan_for(user.pk)
    context = {
        "form": form,
        "plan": plan,
        "within": span(int(tickets.answer_time(plan).total_seconds()) // 3600),
        "priority_within": span(settings.SUPPORT_PRIORITY_ANSWER_HOURS),
        "tickets": Ticket.objects.for_owner(user.pk).order_by("-id")[:SHOWN],
    }
    return render(request, "support/help.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def ticket_page(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    """Show what was said, and take what the user adds."""
    try:
        ticket = tickets.find(user_id=_user(request).pk, ticket_id=ticket_id)
    except NotFound:
        return not_found(request)
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            tickets.reply(ticket=ticket, text=form.cleaned_data["text"], via=Note.Via.PAGE)
        except TooManyTries as refusal:
            form.add_error(None, _refusal(refusal))
        else:
            messages.success(request, _("Sent."))
            return redirect("ticket_page", ticket.id)
    context = {"ticket": ticket, "notes": ticket.notes.all(), "form": form}
    return render(request, "support/ticket.html", context)


@require_POST
@login_required
def close(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    """Take the matter as solved."""
    try:
        tickets.close(ticket=tickets.find(user_id=_user(request).pk, ticket_id=ticket_id))
    except NotFound:
        return not_found(request)
    return redirect("ticket_page", ticket_id)


def span(hours: int) -> str:
    """Return a promise in words: hours up to two days, then days."""
    if hours <= 2 * HOURS_A_DAY:
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
    days = -(-hours // HOURS_A_DAY)
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}


def _open(user: User, facts: dict[str, Any]) -> UUID:
    """Open a ticket, once for each form that was shown, however often it is sent; return its id."""
    key, ticket_id = str(facts.pop("key")), uuid7()
    with transaction.atomic():
        known = idempotency.claim(owner_id=user.pk, key=f"support-form-{key}", mark=key, reference=ticket_id)
        if known and known.reference:
            return known.reference
        tickets.open_ticket(user=user, via=Note.Via.PAGE, ticket_id=ticket_id, **facts)
    return ticket_id


def _opened(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    messages.success(request, _("Your question is with us."))
    return redirect("ticket_page", ticket_id)


def _initial(request: HttpRequest) -> dict[str, Any]:
    answer, about = request.GET.get("answer", ""), request.GET.get("request", "")
    return {
        "message_id": answer,
        "topic": "answer" if answer else "other",
        "request_id": about if len(about) <= 128 else "",
    }


def _refusal(refusal: NotFound | TooManyTries) -> str:
    if isinstance(refusal, TooManyTries):
        return _("That was often in a short time. Wait a minute and try again.")
    return _("That answer does not exist any more.")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required let it pass
    return request.user
