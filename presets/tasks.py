"""Jobs of the catalogue."""

from __future__ import annotations

import logging

from celery import shared_task

from presets import sync
from wisqu.openrouter.errors import OpenRouterError

log = logging.getLogger(__name__)


@shared_task
def sync_models() -> bool:
    """Compare the catalogue with OpenRouter's when a day has passed; True when it was.

    Called more often than that: so a failure is tried again soon, and a day is a day whatever was restarted.
    """
    try:
        return sync.run_if_due() is not None
    except (OpenRouterError, sync.BrokenAnswer) as error:
        log.warning("the model catalogue could not be compared", extra={"reason": str(error)})
        return False
