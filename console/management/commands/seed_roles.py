"""`manage.py seed_roles`: the roles of the staff, as groups; may be repeated at any time."""

from typing import Any

from django.core.management.base import BaseCommand

from console import roles


class Command(BaseCommand):
    help = "Writes the roles support, finance and admin, over what they were."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Roles: {', '.join(roles.seed())}.")
