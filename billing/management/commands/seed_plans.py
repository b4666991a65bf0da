"""`manage.py seed_plans`: write the plans the product ships with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing import plans


class Command(BaseCommand):
    """Adds missing plans; leaves those that staff have edited alone unless told otherwise."""

    help = "Add the plans that are missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --reset."""
        parser.add_argument(
            "--reset", action="store_true", help="put every plan back to the values it shipped with"
        )

    def handle(self, *args: Any, reset: bool, **options: Any) -> None:
        """Seed and say what was written."""
        written = plans.seed(reset=reset)
        self.stdout.write(f"Plans written: {', '.join(written)}." if written else "All plans are there.")
