"""Jobs of billing."""

from __future__ import annotations

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from billing.models import Reservation
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
