"""What a turn tells of itself while it runs and when it has ended: log, counts, trace. Never a word of its text."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from chat.closing import Outcome
from chat.models import Message
from wisqu.telemetry import metrics, tracing

log = logging.getLogger("wisqu.turn")


@contextmanager
def turn_told(turn_id: uuid.UUID) -> Iterator[None]:
    """Name the turn in every line and job that comes of it, and count it as running."""
    structlog.contextvars.bind_contextvars(turn_id=str(turn_id))
    metrics.TURNS_RUNNING.inc()
    try:
        with tracing.span("turn", turn_id=turn_id):
            yield
    finally:
        metrics.TURNS_RUNNING.dec()


def ended(outcome: Outcome, message: Message) -> None:
    """Tell how a turn ended, once: whoever closed it says so."""
    metrics.turn_ended(
        state=outcome.status,
        model=message.model,
        code=outcome.error_code,
        has_fallback=message.fallback_used,
        first_token_ms=outcome.first_token_ms,
        total_ms=outcome.total_ms,
    )
    log.info("turn ended", extra=_facts(outcome, message))


def _facts(outcome: Outcome, message: Message) -> dict[str, Any]:
    return {
        "conversation_id": str(message.conversation_id),
        "state": outcome.status,
        "error": outcome.error_code or None,
        "duration_ms": outcome.total_ms,
        "first_token_ms": outcome.first_token_ms,
        "model": message.model,
        "models_attempted": message.models_attempted,
        "final_model_used": message.final_model_used or None,
        "fallback_used": message.fallback_used,
        "provider": message.provider or None,
        "generation_id": message.generation_id or None,
        "tokens": message.total_tokens,
        "cost_usd": _number(message.cost_usd),
        "cached_tokens_read": message.cached_tokens_read,
        "cached_tokens_written": message.cached_tokens_written,
        "cache_discount_usd": _number(message.cache_discount_usd),
    }


def _number(amount: Any) -> float | None:
    return None if amount is None else float(amount)
