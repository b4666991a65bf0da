"""`manage.py sync_models`: bring the model catalogue to what OpenRouter lists now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from presets import sync
from wisqu.openrouter.errors import OpenRouterError


class Command(BaseCommand):
    """Does at once what a job does daily."""

    help = "Bring the model catalogue to what OpenRouter lists now; what staff have set stays."

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, and say what has changed."""
        try:
            report = sync.run()
        except OpenRouterError as error:
            raise CommandError(
                f"OpenRouter's list can't be had; nothing was changed. {error.detail}"
            ) from None
        except sync.BrokenAnswer as error:
            raise CommandError(f"Nothing was changed. {error}") from None
        for name in ("added", "changed", "unlisted", "blocked"):
            models = getattr(report, name)
            self.stdout.write("\n  ".join([f"{name}: {len(models)}", *models]))
