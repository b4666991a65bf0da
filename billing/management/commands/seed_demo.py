"""`manage.py seed_demo`: the demo accounts, for a development server only."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from billing import plans
from billing.models import PlanLimit
from wisqu.accounts import demo
from wisqu.accounts.models import User


class Command(BaseCommand):
    """Makes what is missing and leaves alone what is there."""

    help = "Make the demo accounts. Refused with DEBUG=false: everybody knows their password."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the accounts that are missing."""
        if not settings.DEBUG:
            raise CommandError("Demo accounts exist with DEBUG=true only: everybody knows their password.")
        known = set(User.objects.values_list("email", flat=True).filter(email__endswith="@wisqu.local"))
        for account in demo.ACCOUNTS:
            if account.email not in known:
                make(account)
                self.stdout.write(f"{account.email} / {demo.PASSWORD} ({account.plan})")


@transaction.atomic
def make(account: demo.DemoAccount) -> None:
    """Make one account: address verified, plan set."""
    create = User.objects.create_superuser if account.is_admin else User.objects.create_user
    user = create(account.email, demo.PASSWORD, name=account.name)
    user.vouch_for_address()
    plans.put_on(user_id=user.pk, plan=PlanLimit.objects.get(slug=account.plan))
