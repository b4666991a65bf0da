"""Housekeeping: what has expired is deleted."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from wisqu.accounts.models import RefreshToken, Session, TokenFamily


@shared_task
def forget_expired_sign_ins() -> int:
    """Delete expired sessions, and token families without a token that could be used; return how many."""
    now = timezone.now()
    sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
    # Every refresh writes a token with a later end, so a family without a live one is over.
    live = RefreshToken.objects.filter(expires_at__gt=now).values("family_id")
    families, _ = TokenFamily.objects.exclude(id__in=live).delete()
    return sessions + families
