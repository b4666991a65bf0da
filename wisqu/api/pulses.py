"""Signs of life of processes that nobody can ask: workers, and the clock by way of a job that it sends.

They stand in the database, which every process reaches, whatever carries the jobs.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from wisqu.api.models import Pulse

WORKER, CLOCK = "worker", "clock"
# Workers sign every ten seconds, the clock's job every thirty.
WORKER_IS_GONE_AFTER = timedelta(seconds=40)
CLOCK_IS_LATE_AFTER = timedelta(seconds=120)
_FORGOTTEN_AFTER = timedelta(days=1)


def show(*, kind: str, name: str) -> None:
    """Note that the process lives now."""
    now = timezone.now()
    if not Pulse.objects.filter(kind=kind, name=name[:200]).update(at=now):
        Pulse.objects.bulk_create([Pulse(kind=kind, name=name[:200], at=now)], ignore_conflicts=True)
        Pulse.objects.filter(at__lt=now - _FORGOTTEN_AFTER).delete()


def forget(*, kind: str, name: str) -> None:
    """Note that the process has ended in order."""
    Pulse.objects.filter(kind=kind, name=name[:200]).delete()


def living_workers() -> int:
    """Return how many workers have shown a sign of life lately."""
    return Pulse.objects.filter(kind=WORKER, at__gt=timezone.now() - WORKER_IS_GONE_AFTER).count()


def clock_seen_at() -> datetime | None:
    """Return when a job of the clock was last done; None where none ever was."""
    return Pulse.objects.filter(kind=CLOCK).values_list("at", flat=True).order_by("-at").first()
