"""What prompt caching did for a conversation: sums over its answers, exact."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q

from chat.models import Conversation, Message
from presets import catalogue
from wisqu.api.problems import NotFound


@dataclass(frozen=True, slots=True)
class _Answer:
    model: str
    read: int | None
    written: int | None
    cost: Decimal | None
    saved: Decimal | None


def cache_stats(*, owner_id: uuid.UUID, conversation_id: uuid.UUID) -> dict[str, Any]:
    """Return the sums of the conversation and of each model in it. Raises NotFound when it is not the owner's."""
    if not Conversation.objects.for_owner(owner_id).filter(id=conversation_id).exists():
        raise NotFound
    asked = Message.objects.filter(conversation_id=conversation_id, role=Message.Role.ASSISTANT)
    # What never reached a model is no request.
    reached = asked.filter(~Q(generation_id="") | Q(prompt_tokens__isnull=False)).order_by("id")
    rows = reached.values_list(
        "final_model_used",
        "model",
        "cached_tokens_read",
        "cached_tokens_written",
        "cost_usd",
        "cache_discount_usd",
    )
    answers = [
        _Answer(_name(used or wished), read, written, cost, saved)
        for used, wished, read, written, cost, saved in rows
    ]
    by_model: dict[str, list[_Answer]] = defaultdict(list)
    for answer in answers:
        by_model[answer.model].append(answer)
    return {
        "conversation_id": conversation_id,
        **_sums(answers),
        "models": [{"model": model, **_sums(group)} for model, group in by_model.items()],
    }


def _name(model: str) -> str:
    """Return the model's id for the dated name that answers come back with."""
    known = catalogue.get(model)
    return known.id if known else model


def _sums(answers: Sequence[_Answer]) -> dict[str, Any]:
    """Return the figures; an answer whose cost nobody knows is in none of the sums of money."""
    hits = sum(bool(answer.read) for answer in answers)
    priced = [(answer.cost, answer.saved or Decimal(0)) for answer in answers if answer.cost is not None]
    cost, saved = sum((each[0] for each in priced), Decimal(0)), sum((each[1] for each in priced), Decimal(0))
    return {
        "requests": len(answers),
        "hits": hits,
        "hit_rate": hits / len(answers) if answers else 0.0,
        "cached_tokens_read": sum(answer.read or 0 for answer in answers),
        "cached_tokens_written": sum(answer.written or 0 for answer in answers),
        "cost_usd": cost,
        "cost_without_cache_usd": cost + saved,
        "savings_usd": saved,
        "savings_rate": float(saved / (cost + saved)) if cost + saved else 0.0,
    }
