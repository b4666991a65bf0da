"""Generations whose cost the stream did not tell: kept as rows until OpenRouter has told it, then booked.

So no reader waits for a look-up, no crash loses a cost, and each generation has one entry in the ledger.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import quota
from billing.amounts import NOTHING, Amounts
from billing.models import LedgerEntry, Reservation
from chat import costs
from chat.models import Message, OwedGeneration
from wisqu.accounts.models import User
from wisqu.api.threads import in_thread
from wisqu.openrouter.client import ChatStream, OpenRouter
from wisqu.openrouter.types import Usage

log = logging.getLogger(__name__)

# OpenRouter's record of a generation appears a moment after its end.
FIRST_LOOK = timedelta(seconds=1)
# A generation is expected to be booked by whoever asked for it within this time; then he is taken for dead.
BOOKED_WITHIN = timedelta(minutes=3)
# Each look is twice as long after the last one: nine minutes in all, while the hold of the turn still stands.
_MOST_TRIES = 8
_CLAIMED_FOR = timedelta(seconds=60)
_MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Attempt:
    """A generation that broke off and was helped out by another one. `usage` where the stream told it."""

    generation_id: str
    model: str
    provider: str
    usage: Usage | None = None


def attempt_of(stream: ChatStream | None, *, asked: str) -> Attempt | None:
    """Return what is known of a stream that is given up; nothing where nothing was generated."""
    if stream is None or not stream.generation_id:
        return None
    return Attempt(stream.generation_id, stream.model or asked, stream.provider or "", stream.usage)


def expect(*, kind: LedgerEntry.Kind, owner_id: uuid.UUID, reference: uuid.UUID, generation_id: str) -> None:
    """Keep in mind that a generation has begun, in case that whoever asked for it dies; `expected` lets go of it."""
    row = OwedGeneration(
        generation_id=generation_id[:100],
        kind=kind,
        owner_id=owner_id,
        message_id=reference,
        due_at=timezone.now() + BOOKED_WITHIN,
    )
    OwedGeneration.objects.bulk_create([row], ignore_conflicts=True)


def expected(generation_id: str) -> None:
    """Forget a generation that is booked, in the transaction that books it."""
    OwedGeneration.objects.filter(generation_id=generation_id[:100], turn_id=None).delete()


def note(*, owner_id: uuid.UUID, message_id: uuid.UUID, attempt: Attempt) -> None:
    """Keep in mind what a broken attempt cost, or that it is still to be asked. It costs its user nothing."""
    row = OwedGeneration(
        generation_id=attempt.generation_id[:100],
        owner_id=owner_id,
        message_id=message_id,
        model=attempt.model[:200],
        provider=attempt.provider[:100],
        due_at=timezone.now() + FIRST_LOOK,
    )
    if attempt.usage is not None and attempt.usage.cost_usd is not None:
        _book(row, attempt.usage, None, source=LedgerEntry.CostSource.UPSTREAM)
    else:
        OwedGeneration.objects.bulk_create([row], ignore_conflicts=True)


def postpone(
    *, turn_id: uuid.UUID, owner_id: uuid.UUID, message: Message, tokens: int, is_charged: bool
) -> None:
    """Leave the settling of a turn to later; `tokens` are charged if nobody ever tells better."""
    row = OwedGeneration(
        generation_id=message.generation_id,
        owner_id=owner_id,
        message_id=message.id,
        turn_id=turn_id,
        model=message.final_model_used or message.model,
        provider=message.provider,
        tokens=tokens,
        is_charged=is_charged,
        due_at=timezone.now() + FIRST_LOOK,
    )
    OwedGeneration.objects.bulk_create([row], ignore_conflicts=True)


async def pay_due(client: OpenRouter) -> int:
    """Ask for what is due, book what is told; return how many rows were done with."""
    rows = await in_thread(_claim)
    found = await asyncio.gather(*(costs.look_up(client, row.generation_id, tries_s=(0.0,)) for row in rows))
    done = 0
    for row, (usage, discount) in zip(rows, found, strict=True):
        done += await in_thread(_pay, row, usage, discount)
    return done


def _claim() -> list[OwedGeneration]:
    """Take what is due, so that no other process looks it up at the same time."""
    now = timezone.now()
    due = list(OwedGeneration.objects.filter(due_at__lte=now).order_by("due_at")[:_MOST_AT_ONCE])
    return [
        row
        for row in due
        if OwedGeneration.objects.filter(id=row.id, due_at=row.due_at).update(due_at=now + _CLAIMED_FOR)
    ]


def _pay(row: OwedGeneration, usage: Usage | None, discount: Decimal | None) -> bool:
    row.tries += 1
    if usage is None and row.tries < _MOST_TRIES:
        wait = timedelta(seconds=2**row.tries)
        OwedGeneration.objects.filter(id=row.id).update(tries=row.tries, due_at=timezone.now() + wait)
        return False
    source = LedgerEntry.CostSource.LOOKUP if usage else LedgerEntry.CostSource.UNKNOWN
    try:
        with transaction.atomic():
            _book(row, usage, discount, source=source)
            OwedGeneration.objects.filter(id=row.id).delete()
    except IntegrityError:
        log.info("a generation was booked by somebody else", extra={"generation_id": row.generation_id})
        return False
    return True


@transaction.atomic
def _book(
    row: OwedGeneration, usage: Usage | None, discount: Decimal | None, *, source: LedgerEntry.CostSource
) -> None:
    entry = quota.EntryFacts(
        kind=LedgerEntry.Kind(row.kind),
        reference=row.message_id,
        generation_id=row.generation_id,
        model=row.model,
        provider=row.provider,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        reasoning_tokens=usage.reasoning_tokens if usage else 0,
        cached_tokens_read=usage.cached_tokens_read if usage else None,
        cached_tokens_written=usage.cached_tokens_written if usage else None,
        cost_usd=usage.cost_usd if usage else None,
        cost_source=source,
        savings_usd=discount,
        fees_usd=usage.fees_usd if usage else None,
        web_searches=usage.web_searches if usage else None,
    )
    if not User.objects.filter(pk=row.owner_id).exists():
        quota.record_erased(user_id=row.owner_id, entry=entry)
    elif row.turn_id is None:
        quota.record(user_id=row.owner_id, charge=NOTHING, entry=entry)
    else:
        _settle(row, usage, discount, entry)


def _settle(
    row: OwedGeneration, usage: Usage | None, discount: Decimal | None, entry: quota.EntryFacts
) -> None:
    assert row.turn_id is not None
    tokens = usage.total_tokens if usage else row.tokens
    charge = Amounts(messages=1, tokens=tokens) if row.is_charged else NOTHING
    try:
        quota.settle(key=row.turn_id, charge=charge, entry=entry)
    except Reservation.DoesNotExist:
        quota.record(user_id=row.owner_id, charge=charge, entry=entry)
    if usage is not None:
        Message.objects.filter(id=row.message_id).update(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            total_tokens=usage.total_tokens,
            cached_tokens_read=usage.cached_tokens_read,
            cost_usd=usage.cost_usd,
            cache_discount_usd=discount,
        )
