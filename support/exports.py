"""What a person takes along of support: every ticket with what was said."""

from __future__ import annotations

from typing import Any

from support.models import Ticket
from wisqu.accounts.models import User

_TICKET = ("id", "subject", "topic", "status", "plan", "request_id", "message_id", "may_read_answer",
           "created_at", "closed_at")  # fmt: skip


def tickets_of(user: User) -> list[dict[str, Any]]:
    """Return the user's tickets, oldest first, each with its notes; two queries."""
    tickets = Ticket.objects.for_owner(user.pk).order_by("id").prefetch_related("notes")
    return [
        {name: getattr(ticket, name) for name in _TICKET}
        | {
            "notes": [
                {"from_staff": note.from_staff, "text": note.text, "created_at": note.created_at}
                for note in ticket.notes.all()
            ]
        }
        for ticket in tickets
    ]
