"""Mail that comes in for support: a reply to a mail of ours becomes a note of its ticket."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from email.utils import parseaddr

from django.db import IntegrityError, transaction

from support import mails, tickets
from support.mails import Quoted
from support.models import LONGEST_TEXT, Note, Ticket
from wisqu.accounts.models import User

LARGEST = 2 * 1024 * 1024
_REFERENCE = re.compile(r"<[^<>\s]+>")
_SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)


class Refused(Exception):
    """The mail is nobody's answer to anything of ours; the message says why."""


def receive(raw: bytes) -> Note | None:
    """Add a mail to the ticket that it replies to, as the user or as staff.

    Whoever replies must hold a mail of ours (its signed id is quoted) and write from the address that it went
    to, or as staff from that of an account that may answer tickets. Returns None for mails that machines send
    and for one that is known already. Raises Refused for everything else.
    """
    if len(raw) > LARGEST:
        raise Refused("the mail is too large")
    mail = message_from_bytes(raw, policy=modern)
    assert isinstance(mail, EmailMessage)  # that is what this policy makes
    if _is_automatic(mail):
        return None
    quoted, ticket = _ticket_of(mail)
    address = parseaddr(str(mail["From"]))[1].lower()
    sender = User.objects.filter(email=address, is_active=True).first()
    if sender is None or not _may_answer(quoted, ticket, sender):
        raise Refused("the sender is not whom the mail was sent to")
    text, mail_id = _text_of(mail), str(mail["Message-ID"] or "").strip()[:255] or None
    if not text:
        raise Refused("the mail holds no text")
    try:
        with transaction.atomic():
            return _add(quoted, ticket, sender, text=text, mail_id=mail_id)
    except IntegrityError:
        return None  # delivered twice


def _may_answer(quoted: Quoted, ticket: Ticket, sender: User) -> bool:
    if quoted.role == mails.USER:
        return sender.pk == ticket.user_id
    return sender.is_staff and sender.has_perm("support.change_ticket")


def _add(quoted: Quoted, ticket: Ticket, sender: User, *, text: str, mail_id: str | None) -> Note:
    if quoted.role == mails.USER:
        return tickets.reply(ticket=ticket, text=text, via=Note.Via.MAIL, mail_id=mail_id)
    return tickets.answer(
        ticket=ticket,
        staff=sender,
        text=text,
        via=Note.Via.MAIL,
        mail_id=mail_id,
        last_read=quoted.note_id,
    )


def _is_automatic(mail: EmailMessage) -> bool:
    """Tell whether a machine wrote: out of office, bounces, lists. Answering those makes loops."""
    said = str(mail["Auto-Submitted"] or "no").lower()
    return said != "no" or str(mail["Precedence"] or "").lower() in {"bulk", "junk", "list", "auto_reply"}


def _ticket_of(mail: EmailMessage) -> tuple[Quoted, Ticket]:
    references = f"{mail['References'] or ''} {mail['In-Reply-To'] or ''}"
    for reference in reversed(_REFERENCE.findall(references)):
        quoted = mails.read_message_id(reference)
        ticket = quoted and Ticket.objects.select_related("user").filter(notes=quoted.note_id).first()
        if quoted and ticket:
            return quoted, ticket
    raise Refused("the mail replies to none of ours")


def _text_of(mail: EmailMessage) -> str:
    """Return what was written anew: without the quoted mail below it and without the signature."""
    part = mail.get_body(preferencelist=("plain",))
    if part is None:
        return ""
    try:
        text = str(part.get_content())
    except LookupError:
        raise Refused("the mail is in an unknown encoding") from None
    lines = text.replace("\r\n", "\n").replace("\x00", "").rstrip().split("\n")
    is_quoted = False
    while lines and (not lines[-1].strip() or lines[-1].startswith(">")):
        is_quoted = is_quoted or lines[-1].startswith(">")
        lines.pop()
    if is_quoted and lines and lines[-1].rstrip().endswith(":"):  # "On Monday Alice wrote:"
        lines.pop()
    return _SIGNATURE.split("\n".join(lines))[0].strip()[:LONGEST_TEXT]
