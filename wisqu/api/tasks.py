"""Housekeeping of the API's base."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from wisqu.api.idempotency import KEPT_FOR
from wisqu.api.models import IdempotencyKey


@shared_task
def forget_old_idempotency_keys() -> int:
    """Delete keys that are older than their promise; return how many."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    return deleted
