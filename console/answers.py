"""Finding a person or an answer, and why an answer failed: every fact of it, and none of its words."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.models import LedgerEntry, Reservation
from chat.models import Conversation, Message, Turn
from chat.receipts import because
from chat.words import failures
from console import lists
from wisqu.accounts.models import User

MOST_FOUND = 25
LOOKS_LIKE_GENERATION = re.compile(r"gen-[\w-]+")
# All that is read of an answer: its facts. What was asked and said stays where it is.
FACTS = (
    "id", "conversation_id", "parent_id", "role", "status", "created_at", "model", "final_model_used",
    "models_attempted", "fallback_used", "routing_strategy", "routing_reason", "provider", "generation_id",
    "finish_reason", "error_code", "error_detail", "prompt_tokens", "completion_tokens", "reasoning_tokens",
    "total_tokens", "cost_usd", "first_token_ms", "total_ms", "cached_tokens_read", "cached_tokens_written",
    "cache_discount_usd", "history_messages_cut", "enable_caching",
)  # fmt: skip


def facts_only() -> QuerySet[Message]:
    """Return answers without their text."""
    return Message.objects.filter(role=Message.Role.ASSISTANT).only(*FACTS)


def why(message: Message) -> str:
    """Return in a sentence why an answer failed; empty where it did not."""
    if message.status != Message.Status.FAILED:
        return ""
    return str(failures().get(message.error_code) or message.error_detail or _("Nobody said why."))


def recent(user_id: UUID, *, limit: int = 20) -> list[Message]:
    """Return a person's newest answers by way of their turns, in one query."""
    turns = Turn.objects.filter(owner_id=user_id).order_by("-id").select_related("answer")
    return [
        turn.answer for turn in turns.only("id", "owner_id", *(f"answer__{name}" for name in FACTS))[:limit]
    ]


def find(request: HttpRequest) -> HttpResponse:
    """Find people by address or id, answers by the id of the message, turn, conversation or generation."""
    text = request.GET.get("q", "").strip()[:254]
    may_see_people = request.user.has_perm("accounts.view_user")
    if not may_see_people:
        raise PermissionDenied
    people = (
        list(User.objects.filter(pk__in=lists.people(text)).order_by("email")[:MOST_FOUND]) if text else []
    )
    answers = _answers(text) if text else []
    if len(people) + len(answers) == 1:
        if people:
            return HttpResponseRedirect(reverse("admin:accounts_user_desk", args=[people[0].pk]))
        return HttpResponseRedirect(reverse("admin:console_answer", args=[answers[0].pk]))
    return render(
        request,
        "admin/console/find.html",
        _context(request, title=_("Search"), query=text, people=people, answers=answers),
    )


def _answers(text: str) -> list[Message]:
    """Return the answers that an id names; every look-up is by a key."""
    if LOOKS_LIKE_GENERATION.fullmatch(text):
        entry = LedgerEntry.objects.filter(generation_id=text, generation_id__startswith="gen-").first()
        return list(facts_only().filter(pk=entry.reference)) if entry and entry.reference else []
    try:
        number = UUID(text)
    except ValueError:
        return []
    found = list(facts_only().filter(pk=number))
    found = found or list(facts_only().filter(turn__pk=number)) or list(facts_only().filter(parent_id=number))
    return found or list(facts_only().filter(conversation_id=number).order_by("-id")[:MOST_FOUND])


def show(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Show how one answer came about, or did not."""
    if not request.user.has_perm("accounts.view_user"):
        raise PermissionDenied
    message = get_object_or_404(facts_only(), pk=message_id)
    turn = Turn.objects.filter(answer=message_id).first()
    conversation = Conversation.objects.only("id", "owner_id", "created_at").select_related("owner")
    hold = Reservation.objects.filter(pk=turn.pk).first() if turn else None
    sees_money = request.user.has_perm("billing.view_ledgerentry")
    context = _context(
        request,
        title=_("An answer"),
        answer=message,
        person=conversation.get(pk=message.conversation_id).owner,
        turn=turn,
        hold=hold,
        why=why(message),
        because=because(message.routing_reason),
        entries=_entries(message, hold) if sees_money else [],
        sees_money=sees_money,
        may_open=request.user.has_perm("console.open_conversation"),
    )
    return render(request, "admin/console/answer.html", context)


def _entries(message: Message, hold: Reservation | None) -> list[LedgerEntry]:
    """Return what the ledger has of it, by the index over a person's period."""
    if hold is None:
        return []
    mine = LedgerEntry.objects.filter(user_id=hold.user_id, period_start=hold.period_start)
    return list(mine.filter(reference=message.pk).order_by("id")[:MOST_FOUND])


def _context(request: HttpRequest, **values: Any) -> dict[str, Any]:
    from django.contrib import admin

    return admin.site.each_context(request) | values
