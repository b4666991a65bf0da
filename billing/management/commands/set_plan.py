"""`manage.py set_plan EMAIL PLAN`: put a user on a plan, for operators."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import plans
from billing.models import PlanLimit
from billing.subscriptions import StillBilled

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Changes the plan at once; the usage period and what is used in it stay."""

    help = "Put the user with this e-mail address on a plan."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare who and which."""
        parser.add_argument("email")
        parser.add_argument("plan", help="the plan's short name, such as premium")

    def handle(self, *args: Any, email: str, plan: str, **options: Any) -> None:
        """Change the plan, or say what is not known."""
        user = get_user_model().objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no user with the address {email}.")
        chosen = PlanLimit.objects.filter(slug=plan).first()
        if chosen is None:
            known = ", ".join(PlanLimit.objects.values_list("slug", flat=True))
            raise CommandError(f"There is no plan {plan}. The plans are: {known}.")
        try:
            plans.put_on(user_id=user.pk, plan=chosen)
        except StillBilled:
            raise CommandError(
                "Stripe charges for the present plan. Cancel that first, in the admin."
            ) from None
        logger.info("plan set by an operator", extra={"user_id": str(user.pk), "plan": chosen.slug})
        self.stdout.write(f"{user.email} is on {chosen.name}.")
