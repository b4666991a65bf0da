"""`manage.py reconcile_usage`: prove that the counters are what the ledger says, and repair those that are not."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.reconcile import reconcile


class Command(BaseCommand):
    """Compares and repairs; each repair is kept as a note that nobody can change."""

    help = "Compare the counters of usage with the ledger and repair what differs. It may run beside the product."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what to compare, whether to repair, and for whom."""
        parser.add_argument(
            "--check", action="store_true", help="repair nothing; exit status 1 when something differs"
        )
        parser.add_argument("--user", metavar="EMAIL", help="only the periods of this user")
        parser.add_argument(
            "--by", default="", help="who repairs, for the note; else the name of the system's user"
        )
        parser.add_argument("--reason", default="", help="why, for the note")

    def handle(self, *args: Any, check: bool, user: str | None, by: str, reason: str, **options: Any) -> None:
        """Compare, repair, and say what was found."""
        user_id = None
        if user:
            user_id = (
                get_user_model()
                .objects.filter(email=user.strip().lower())
                .values_list("pk", flat=True)
                .first()
            )
            if user_id is None:
                raise CommandError(f"There is no user with the address {user}.")
        result = reconcile(repairs=not check, made_by=by or _operator(), reason=reason, user_id=user_id)
        for difference in result.differences:
            self.stdout.write(str(difference))
        if not result.differences:
            self.stdout.write(
                f"Usage periods compared: {result.periods}. Every counter is what the ledger says."
            )
        elif check:
            raise CommandError(
                f"{len(result.differences)} of {result.periods} usage periods differ from the ledger."
            )
        else:
            self.stdout.write(f"{len(result.differences)} of {result.periods} usage periods were repaired.")


def _operator() -> str:
    try:
        return f"{getpass.getuser()}, command line"
    except (KeyError, OSError):  # a container's user may have no name
        return "command line"
