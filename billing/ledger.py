"""Ledger entries: what a generation was, and what was charged for it. Written once, never changed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction

from billing.amounts import Amounts
from billing.models import LedgerEntry
from wisqu.api import rows
from wisqu.telemetry import metrics

log = logging.getLogger(__name__)

# Nothing that we ask for costs this much; such a figure is a mistake or an attack.
ABSURD_USD = Decimal(10_000)
_PLACES = Decimal("1e-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFacts:
    """What is known of one upstream generation. Money in USD; None is unknown, never zero.

    A cost that can't be (negative, not a number, absurd) is kept as unknown. `savings_usd` is what prompt
    caching saved, below zero where writing the cache cost more than it brought. `fees_usd` is the part of the cost
    that tools of the server took. `reference` is the id of what it was for. `generation_id` is empty where the server
    gave none.
    """

    kind: LedgerEntry.Kind
    model: str = ""
    provider: str = ""
    generation_id: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens_read: int | None = None
    cached_tokens_written: int | None = None
    cost_usd: Decimal | None = None
    cost_source: LedgerEntry.CostSource = LedgerEntry.CostSource.UNKNOWN
    savings_usd: Decimal | None = None
    fees_usd: Decimal | None = None
    web_searches: int | None = None
    reference: UUID | None = None

    @property
    def believable_cost(self) -> Decimal | None:
        """The cost to twelve places, or None where it is unknown or can't be."""
        cost = self.cost_usd
        if cost is None or self.cost_source == LedgerEntry.CostSource.UNKNOWN:
            return None
        return cost.quantize(_PLACES) if cost.is_finite() and 0 <= cost <= ABSURD_USD else None

    @property
    def believable_fees(self) -> Decimal | None:
        """The part of the cost that tools took, to twelve places; None where that is unknown or can't be."""
        fees, cost = self.fees_usd, self.believable_cost
        if fees is None or cost is None or not fees.is_finite():
            return None
        return fees.quantize(_PLACES) if 0 <= fees <= cost else None

    @property
    def believable_savings(self) -> Decimal | None:
        """The savings to twelve places, or None where they are unknown or can't be."""
        saved = self.savings_usd
        if saved is None or not saved.is_finite() or abs(saved) > ABSURD_USD:
            return None
        return saved.quantize(_PLACES)


def write(
    *,
    user_id: UUID,
    plan: str,
    period_start: datetime,
    charge: Amounts,
    facts: EntryFacts,
    reservation_key: UUID | None,
) -> LedgerEntry:
    """Add one entry; the unique columns refuse a second one for the same hold or generation."""
    cost, savings = facts.believable_cost, facts.believable_savings
    entry = LedgerEntry(
        user_id=user_id,
        plan=plan,
        period_start=period_start,
        reservation_key=reservation_key,
        kind=facts.kind,
        model=facts.model[:200],
        provider=facts.provider[:100],
        generation_id=facts.generation_id[:128],
        reference=facts.reference,
        prompt_tokens=facts.prompt_tokens,
        completion_tokens=facts.completion_tokens,
        reasoning_tokens=facts.reasoning_tokens,
        cached_tokens_read=facts.cached_tokens_read,
        cached_tokens_written=facts.cached_tokens_written,
        cost_usd=cost,
        cost_source=LedgerEntry.CostSource.UNKNOWN if cost is None else facts.cost_source,
        cost_without_cache_usd=None if cost is None or savings is None else max(Decimal(0), cost + savings),
        savings_usd=savings,
        fees_usd=facts.believable_fees,
        web_searches=facts.web_searches,
        **dict(charge.items()),
    )
    rows.insert(entry)
    transaction.on_commit(partial(_tell, entry))
    return entry


def _tell(entry: LedgerEntry) -> None:
    """Count the entry, and write its line where no turn writes one."""
    tokens = {
        "prompt": entry.prompt_tokens,
        "completion": entry.completion_tokens,
        "reasoning": entry.reasoning_tokens,
        "cached_read": entry.cached_tokens_read or 0,
        "cached_written": entry.cached_tokens_written or 0,
    }
    metrics.booked(kind=entry.kind, tokens=tokens, cost=entry.cost_usd, savings=entry.savings_usd)
    if entry.kind != LedgerEntry.Kind.CHAT:
        facts = {"kind": entry.kind, "model": entry.model, "generation_id": entry.generation_id}
        total = entry.prompt_tokens + entry.completion_tokens
        cost = None if entry.cost_usd is None else float(entry.cost_usd)
        log.info("generation booked", extra={**facts, "tokens": total, "cost_usd": cost})
