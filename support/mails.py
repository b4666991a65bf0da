"""Mails about tickets, out and in. Each mail out names its ticket in a signed Message-ID; a reply quotes that id.

The signature says whose mail it was, staff's or the user's, so that knowing a ticket's number opens nothing.
"""

from __future__ import annotations

import logging
import smtplib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from email.utils import parseaddr
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import translation
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from support.models import Note, Ticket

log = logging.getLogger(__name__)

STAFF, USER = "s", "u"


class Quoted(NamedTuple):
    """A mail of ours: who it was sent to, and which note it told."""

    role: str
    note_id: UUID


def tell_staff(ticket: Ticket, note: Note) -> None:
    """Mail what the user wrote to SUPPORT_EMAIL, with everything that answering takes; nothing without an address."""
    if not settings.SUPPORT_EMAIL:
        return
    facts = {
        "Account": ticket.user.email,
        "Plan": f"{ticket.plan} ({'priority' if ticket.is_priority else 'no priority'})",
        "Answer promised until": f"{ticket.due_at:%Y-%m-%d %H:%M} UTC",
        "Topic": ticket.get_topic_display(),
        "Ticket": str(ticket.id),
        "Request": ticket.request_id,
        "About the answer": str(ticket.message_id or ""),
    }
    body = "\n".join(f"{name}: {value}" for name, value in facts.items() if value)
    text = f"{note.text}\n\n-- \n{body}\n\nReply to this mail to answer, or use the admin."
    _send(ticket, note, to=settings.SUPPORT_EMAIL, role=STAFF, text=text)


def tell_user(ticket: Ticket, note: Note) -> None:
    """Mail the answer of staff to the user, in the user's language."""
    with translation.override(ticket.user.language):
        ways = _("You find all of it on the help page of WisQu.")
        if settings.SUPPORT_EMAIL:
            ways += " " + _("To write back you can also reply to this mail.")
    _send(ticket, note, to=ticket.user.email, role=USER, text=f"{note.text}\n\n-- \n{ways}")


def _send(ticket: Ticket, note: Note, *, to: str, role: str, text: str) -> None:
    mail = EmailMessage(
        subject=f"[{ticket.reference}] {ticket.subject}",
        body=text,
        to=[to],
        reply_to=[settings.SUPPORT_EMAIL] if settings.SUPPORT_EMAIL else None,
        headers={"Message-ID": message_id(note, role=role)},
    )
    transaction.on_commit(lambda: _leave(mail))


def _leave(mail: EmailMessage) -> None:
    """Send; a mail server that is down must not undo what was written."""
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        log.error("mail not sent", extra={"about": "support", "error": type(error).__name__})


def message_id(note: Note, *, role: str) -> str:
    """Return the Message-ID of the mail that tells `role` of the note; short enough to stand in one line."""
    name = role + _text(note.id.bytes)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{name}.{_signature(name)}@{domain}>"


def read_message_id(text: str) -> Quoted | None:
    """Return what a quoted Message-ID of ours names; None for any other."""
    name, _dot, signature = text.strip("<>").partition("@")[0].partition(".")
    if not constant_time_compare(signature, _signature(name)):
        return None
    return Quoted(name[0], UUID(bytes=urlsafe_b64decode(name[1:] + "==")))


def _signature(name: str) -> str:
    return _text(salted_hmac("support.mails", name, algorithm="sha256").digest()[:16])


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
