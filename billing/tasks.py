"""Jobs of billing."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from billing import mails, renewals, warnings
from billing.models import Reservation
from billing.payments import intake
from billing.quota import release


@shared_task(ignore_result=True)
def release_expired_reservations() -> int:
    """Give back every hold whose time is over; return how many.

    One transaction each, so that a sweep never locks two people's rows and two sweeps can't block each other.
    """
    expired = Reservation.objects.filter(state=Reservation.State.HELD, expires_at__lte=timezone.now())
    released = 0
    for key in list(expired.values_list("key", flat=True)):
        with transaction.atomic():
            released += release(key=key)
    return released


@shared_task(ignore_result=True, autoretry_for=(OSError,), retry_backoff=30, max_retries=5)
def mail_usage_warning(warning_id: str) -> bool:
    """Mail one warning; whether it was this job that did."""
    return warnings.mail(UUID(warning_id))


@shared_task(ignore_result=True)
def mail_lost_usage_warnings() -> int:
    """Mail the warnings whose job got lost, with a broker that was away for instance; return how many."""
    return sum(warnings.mail(warning_id) for warning_id in warnings.lost())


@shared_task(ignore_result=True)
def pass_time_of_subscriptions() -> int:
    """Renew, end and remind where it is time; return how many subscriptions were due."""
    return renewals.pass_time()


@shared_task(ignore_result=True)
def send_billing_mails() -> int:
    """Send the mails that are owed; return how many were sent."""
    return mails.send_owed()


@shared_task(ignore_result=True)
def handle_waiting_webhooks() -> int:
    """Handle the reports of payment providers that still wait; return how many."""
    return intake.handle_waiting()
