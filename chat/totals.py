"""What a conversation took in all: the sums over its answers, in every branch. Titles are not among them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from chat.models import Message


@dataclass(frozen=True, slots=True)
class Total:
    """Money in USD. `saved` is what prompt caching saved, below zero while writing cost more than reading brought."""

    cost: Decimal
    saved: Decimal
    tokens: int


def total_of(conversation_id: uuid.UUID) -> Total:
    """Return the sums of the conversation's answers; what nobody told is none of them."""
    answers = Message.objects.filter(conversation_id=conversation_id, role=Message.Role.ASSISTANT)
    sums = answers.aggregate(
        cost=Sum("cost_usd"), saved=Sum("cache_discount_usd"), tokens=Sum("total_tokens")
    )
    return Total(sums["cost"] or Decimal(0), sums["saved"] or Decimal(0), sums["tokens"] or 0)
