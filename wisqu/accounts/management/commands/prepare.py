"""`manage.py prepare`: brings the databases and the seeds up to date; may be repeated at any time."""

import os
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand

from wisqu.accounts import demo

# In this order: people subscribe to plans, and plans name models.
SEEDS = ("seed_models", "seed_plans", "seed_presets", "seed_roles")
DEMO = "seed_demo"


class Command(BaseCommand):
    help = "Migrates the databases and seeds plans, models and, with DEBUG=true, the demo accounts."
    requires_system_checks = ()  # they load every page; `make lint` is the place for them

    def handle(self, *args: Any, **options: Any) -> None:
        quiet: dict[str, Any] = {"verbosity": 0, "stdout": StringIO()}
        for alias in settings.DATABASES:
            call_command("migrate", database=alias, interactive=False, **quiet)
        known = get_commands()
        for seed in (*SEEDS, DEMO) if settings.DEBUG else SEEDS:
            if seed in known:
                call_command(seed, **quiet)
        if not settings.DEBUG:
            demo.retire()
            if "WISQU_STATIC" not in os.environ:  # else they came with the image, and nobody may write there
                call_command("collectstatic", interactive=False, **quiet)
