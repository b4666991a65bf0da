"""Closing turns whose process died: by every web process, and by the worker's clock as well.

Either would do. Both are there because the one that died may be the one that looks.
"""

from __future__ import annotations

import asyncio
import logging

from django.db import DatabaseError

from chat.tasks import close_abandoned_turns
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)

INTERVAL_S = 5.0


async def keep_sweeping() -> None:
    """Look for abandoned turns as long as the process lives; one small query each time."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        try:
            await in_thread(close_abandoned_turns)
        except DatabaseError:
            log.warning("abandoned turns could not be looked for")
