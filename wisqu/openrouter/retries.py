"""When a failed request is worth another try, and after which pause."""

import logging
import random

from wisqu.openrouter.deadlines import Deadlines
from wisqu.openrouter.errors import OpenRouterError

logger = logging.getLogger("wisqu.openrouter")


def pause_before_retry(
    error: OpenRouterError, *, tried: int, max_retries: int, deadlines: Deadlines
) -> float | None:
    """Seconds to wait before trying again after `tried` tries; None when the error is to be raised.

    A `Retry-After` longer than `deadlines.longest_wait` is for the caller to show, not for us to sit out.
    """
    if tried > min(max_retries, error.automatic_retries):
        return None
    pause = error.retry_after
    if pause is None:
        # Spread out, so that streams that failed together do not come back together.
        pause = deadlines.backoff * 2 ** (tried - 1) * random.uniform(0.75, 1.25)  # noqa: S311
    if pause > deadlines.longest_wait:
        return None
    logger.info("retrying after %s (status %s), try %d", error.code, error.status, tried + 1)
    return pause


def report(error: OpenRouterError) -> None:
    """Tells the operator about trouble that is theirs. Neither keys nor prompts are logged."""
    if error.operator:
        logger.error("the model service refuses us: %s (status %s)", error.code, error.status)
