"""`manage.py seed_models`: fill the model catalogue from the list the product ships with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from presets import seeds


class Command(BaseCommand):
    """Adds missing models; leaves those that staff have edited alone unless told otherwise."""

    help = "Add the models that are missing from the catalogue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --reset."""
        parser.add_argument(
            "--reset", action="store_true", help="put every shipped model back to its list values"
        )

    def handle(self, *args: Any, reset: bool, **options: Any) -> None:
        """Seed and say how many were written."""
        written = seeds.seed(reset=reset)
        self.stdout.write(f"Models written: {written}." if written else "All models are there.")
