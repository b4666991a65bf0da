"""Opening one conversation: with a permission, a reason, and an entry in the audit; for a quarter of an hour."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from chat.models import Conversation, Message
from chat.reading import branch_ids
from console import audit
from console.models import AuditEntry

LASTS = timedelta(minutes=15)
MOST_SHOWN = 100


class OpeningForm(forms.Form):
    """Asks why."""

    why = forms.CharField(
        label=gettext_lazy("Why do you have to read it?"),
        min_length=10,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        help_text=gettext_lazy(
            "The audit log keeps it with your name. The person has a right to ask who has read what."
        ),
    )


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("console.open_conversation"):
        raise PermissionDenied


@never_cache
def ask(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Ask for the reason; with one, note it and go on to the text."""
    _check(request)
    conversation = get_object_or_404(Conversation.objects.only("id", "owner_id"), pk=conversation_id)
    form = OpeningForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        entry = audit.note(
            request,
            AuditEntry.Verb.CONVERSATION_OPENED,
            conversation,
            person_id=conversation.owner_id,
            why=form.cleaned_data["why"],
        )
        return HttpResponseRedirect(reverse("admin:console_read", args=[entry.pk]))
    context = admin.site.each_context(request) | {
        "title": _("Open a conversation"),
        "form": form,
        "conversation": conversation,
        "minutes": LASTS.seconds // 60,
    }
    return render(request, "admin/console/opening.html", context)


@never_cache
def read(request: HttpRequest, entry_id: UUID) -> HttpResponse:
    """Show the branch that its owner sees, to whom the entry names and while it lasts."""
    _check(request)
    entry = get_object_or_404(
        AuditEntry, pk=entry_id, verb=AuditEntry.Verb.CONVERSATION_OPENED, actor_id=request.user.pk
    )
    if entry.created_at < timezone.now() - LASTS:
        return HttpResponseRedirect(reverse("admin:console_open", args=[entry.object_id]))
    conversation = Conversation.objects.filter(pk=entry.object_id).first()
    if conversation is None:
        raise Http404
    context = admin.site.each_context(request) | {
        "title": _("A conversation"),
        "entry": entry,
        "conversation": conversation,
        "said": _shown(conversation),
        "until": entry.created_at + LASTS,
        "most": MOST_SHOWN,
    }
    return render(request, "admin/console/reading.html", context)


def _shown(conversation: Conversation) -> list[Message]:
    if conversation.head_id is None:
        return []
    newest = list(branch_ids(conversation.pk, conversation.head_id))
    rows = Message.objects.filter(pk__in=newest).order_by("-depth")[:MOST_SHOWN]
    return list(reversed(rows))
