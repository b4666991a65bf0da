"""`manage.py rebuild_rollups`: make the daily sums anew from the ledger, or prove that they are right."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics import rollups
from analytics.days import Days, today


class Command(BaseCommand):
    """Reads the whole ledger, or some days of it; reports go on with the old sums meanwhile."""

    help = "Build the daily sums of the reports anew from the ledger. It may run beside the product."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which days, and whether to build."""
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="only from this day on")
        parser.add_argument(
            "--to", dest="last", type=date.fromisoformat, help="only up to this day; else today"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="build nothing; exit status 1 when a sum is not what the ledger says",
        )

    def handle(self, *args: Any, first: date | None, last: date | None, check: bool, **options: Any) -> None:
        """Build, or compare, and say what was done."""
        if last and not first:
            raise CommandError("--to needs --from.")
        try:
            days = Days(first, last or today()) if first else None
        except ValueError as error:
            raise CommandError(str(error)) from None
        if check:
            wrong = rollups.wrong_days(days)
            if wrong:
                raise CommandError(f"Days with other sums than the ledger's: {', '.join(map(str, wrong))}")
            self.stdout.write("Every sum is what the ledger says.")
            return
        rollups.rebuild(list(days) if days else None)
        self.stdout.write(f"Rebuilt {f'{days.count} days' if days else 'all days'}.")
