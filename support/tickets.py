"""Open, reply, answer, close: what may happen to a ticket. Every door comes here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from limits import RateLimitItemPerHour

from billing.models import PlanLimit
from billing.plans import plan_for
from chat.models import Message
from support import mails
from support.models import Note, Ticket
from wisqu.accounts import throttle
from wisqu.accounts.models import User
from wisqu.api.problems import NotFound

TICKETS_PER_USER = RateLimitItemPerHour(10, 1, namespace="support-tickets")
NOTES_PER_USER = RateLimitItemPerHour(30, 1, namespace="support-notes")


def answer_time(plan: PlanLimit) -> timedelta:
    """Return within what time an answer is promised on the plan."""
    is_priority = plan.priority_support
    return timedelta(
        hours=settings.SUPPORT_PRIORITY_ANSWER_HOURS if is_priority else settings.SUPPORT_ANSWER_HOURS
    )


def find(*, user_id: UUID, ticket_id: UUID) -> Ticket:
    """Return the user's ticket. Raises NotFound for a missing one and for somebody else's."""
    ticket = Ticket.objects.for_owner(user_id).filter(id=ticket_id).first()
    if ticket is None:
        raise NotFound
    return ticket


def open_ticket(
    *,
    user: User,
    subject: str,
    text: str,
    topic: str,
    via: str,
    message_id: UUID | None = None,
    may_read_answer: bool = False,
    request_id: str = "",
    ticket_id: UUID | None = None,
) -> Ticket:
    """Ask the staff something. `message_id` is the answer it is about; consent counts only with one.

    Raises NotFound where that answer is not the user's, TooManyTries after ten in an hour.
    """
    throttle.hit(TICKETS_PER_USER, str(user.pk))
    message = _answer_of(user, message_id)
    with transaction.atomic():
        ticket = Ticket(
            user=user,
            subject=" ".join(subject.split()),  # one line: it becomes a mail's
            topic=topic,
            message=message,
            may_read_answer=bool(message) and may_read_answer,
            request_id=request_id,
            **_promise(plan_for(user.pk)),
        )
        ticket.id = ticket_id or ticket.id
        ticket.save(force_insert=True)
        note = Note.objects.create(ticket=ticket, author=user, text=text, via=via)
        mails.tell_staff(ticket, note)
    return ticket


def reply(*, ticket: Ticket, text: str, via: str, mail_id: str | None = None) -> Note:
    """Add what the user writes; an answered or closed ticket waits again, with a new promise.

    Raises TooManyTries after thirty in an hour.
    """
    throttle.hit(NOTES_PER_USER, str(ticket.user_id))
    promise = _promise(plan_for(ticket.user_id))
    with transaction.atomic():
        Ticket.objects.select_for_update().get(id=ticket.id)
        again = Ticket.objects.filter(id=ticket.id).exclude(status=Ticket.Status.WAITING)
        again.update(status=Ticket.Status.WAITING, closed_at=None, **promise)
        note = Note.objects.create(
            ticket=ticket, author_id=ticket.user_id, text=text, via=via, mail_id=mail_id
        )
        mails.tell_staff(ticket, note)
    return note


def answer(
    *,
    ticket: Ticket,
    staff: User,
    text: str,
    via: str,
    mail_id: str | None = None,
    last_read: UUID | None = None,
    is_mailed: bool = False,
) -> Note:
    """Answer as staff, and mail it to the user unless it `is_mailed` already.

    `last_read` is the newest note that staff have seen: when the user has written since, the answer is kept
    and the ticket goes on waiting.
    """
    with transaction.atomic():
        locked = Ticket.objects.select_for_update().get(id=ticket.id)
        is_outrun = last_read and locked.notes.filter(from_staff=False, id__gt=last_read).exists()
        note = Note.objects.create(
            ticket=locked, author=staff, text=text, via=via, mail_id=mail_id, from_staff=True
        )
        if not is_outrun:
            Ticket.objects.filter(id=ticket.id).update(status=Ticket.Status.ANSWERED, closed_at=None)
        if not is_mailed:
            mails.tell_user(locked, note)
    return note


def close(*, ticket: Ticket) -> None:
    """Take the matter as solved. Whoever writes again opens it again."""
    still_open = Ticket.objects.filter(~Q(status=Ticket.Status.CLOSED), id=ticket.id)
    still_open.update(status=Ticket.Status.CLOSED, closed_at=timezone.now())


def _promise(plan: PlanLimit) -> dict[str, Any]:
    return {
        "plan": plan.slug,
        "is_priority": plan.priority_support,
        "due_at": timezone.now() + answer_time(plan),
    }


def _answer_of(user: User, message_id: UUID | None) -> Message | None:
    if message_id is None:
        return None
    answers = Message.objects.for_owner(user.pk).filter(role=Message.Role.ASSISTANT)
    found = answers.filter(id=message_id).first()
    if found is None:
        raise NotFound
    return found
