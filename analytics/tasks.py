"""Jobs of the numbers."""

from __future__ import annotations

import logging

from celery import shared_task

from analytics import rollups
from analytics.days import Days

log = logging.getLogger(__name__)
# Late entries come within minutes; a month and a bit is what people look at.
PROVEN_DAYS = 35


@shared_task(ignore_result=True)
def roll_up() -> bool:
    """Add what the ledger got since the last time to the daily sums; return whether there was time for it."""
    return rollups.roll_up()


@shared_task(ignore_result=True)
def prove_rollups() -> int:
    """Compare the sums of the last days with the ledger and make wrong ones anew; return how many days were wrong."""
    wrong = rollups.heal(Days.lately(PROVEN_DAYS))
    if wrong:
        log.error("daily sums were wrong", extra={"days": [day.isoformat() for day in wrong]})
    return len(wrong)
