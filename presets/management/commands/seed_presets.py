"""`manage.py seed_presets`: publish the presets that the product ships with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from presets import preset_seeds


class Command(BaseCommand):
    """Adds what is missing, renews what is older, and leaves alone what staff have edited."""

    help = "Publish the presets that come with the product."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --reset."""
        parser.add_argument("--reset", action="store_true", help="put every shipped preset back to its file")

    def handle(self, *args: Any, reset: bool, **options: Any) -> None:
        """Seed and say how many were written."""
        written = preset_seeds.seed(reset=reset)
        self.stdout.write(f"Presets written: {written}." if written else "All presets are there.")
