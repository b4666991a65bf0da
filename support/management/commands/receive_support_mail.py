"""Take one mail from standard input, as a mail server hands it to a program."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from support.mailbox import LARGEST, Refused, receive
from wisqu.accounts.throttle import TooManyTries

# What sendmail's relatives understand (sysexits.h): never deliverable, and try again later.
NOT_DELIVERABLE, TRY_LATER = 65, 75


class Command(BaseCommand):
    """Add a mail to the ticket that it replies to."""

    help = "Read one mail from standard input and add it to the ticket that it replies to."

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, add, and end with a status that the mail server understands."""
        raw = getattr(sys.stdin, "buffer", sys.stdin).read(LARGEST + 1)
        try:
            receive(raw if isinstance(raw, bytes) else raw.encode())
        except Refused as refusal:
            raise CommandError(f"Not accepted: {refusal}.", returncode=NOT_DELIVERABLE) from None
        except TooManyTries as refusal:
            raise CommandError(refusal.detail, returncode=TRY_LATER) from None
