"""Housekeeping of the API's base."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from wisqu.api import pulses
from wisqu.api.idempotency import KEPT_FOR
from wisqu.api.models import IdempotencyKey


@shared_task
def forget_old_idempotency_keys() -> int:
    """Delete keys that are older than their promise; return how many."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    return deleted


@shared_task
def show_that_the_clock_goes() -> None:
    """Note that the clock sent this job, and a worker did it."""
    pulses.show(kind=pulses.CLOCK, name="clock")
