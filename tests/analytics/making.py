"""Entries and attempts as the product would have written them, on whichever day a test wants."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from billing.models import Invoice, LedgerEntry
from chat.models import TurnAttempt

MODELS = ("openai/gpt-4o-mini", "anthropic/claude-sonnet-4.6", "deepseek/deepseek-chat", "")
PLANS = ("free", "premium", "enterprise", "")


def days_ago(number: int) -> datetime:
    """Return a moment in the middle of that day."""
    now = timezone.now()
    return now if number == 0 else now.replace(hour=12) - timedelta(days=number)


def book(user_id: UUID | None, *, ago: int = 0, at: datetime | None = None, **facts: Any) -> LedgerEntry:
    """Write an entry; its cost is known where one is given."""
    given = {
        "kind": "chat",
        "plan": "premium",
        "model": MODELS[0],
        "cost_source": "unknown" if facts.get("cost_usd") is None else "upstream",
        "created_at": at or days_ago(ago),
        "period_start": days_ago(40),
    }
    entry = LedgerEntry(user_id=user_id, **(given | facts))
    entry.save()
    return entry


def end_turn(owner_id: UUID, *, ago: int = 0, at: datetime | None = None, **facts: Any) -> TurnAttempt:
    """Write the last attempt of a turn."""
    given = {
        "turn_id": uuid4(),
        "plan": "premium",
        "asked": facts.get("model", MODELS[0]),
        "model": MODELS[0],
        "is_last": True,
        "status": "done",
        "created_at": at or days_ago(ago),
    }
    return TurnAttempt.objects.create(owner_id=owner_id, **(given | facts))


def pay(user_id: UUID | None, amount: str, *, ago: int = 0, number: str = "", **facts: Any) -> Invoice:
    """Write a receipt."""
    given = {
        "number": number or str(uuid4()),
        "provider": "manual",
        "state": "paid",
        "plan": "premium",
        "subtotal": Decimal(amount),
        "total": Decimal(amount),
        "paid": Decimal(amount),
        "paid_at": days_ago(ago),
    }
    return Invoice.objects.create(user_id=user_id, **(given | facts))


def book_anything(chance: random.Random, people: list[UUID]) -> LedgerEntry:
    """Write an entry of any kind on any of the last days, a correction at times."""
    kind = chance.choice(
        ["chat"] * 4 + ["title", "repair", "image", "transcription", "document", "correction"]
    )
    sign = -1 if kind == "correction" else 1
    cost = chance.choice([None, Decimal(chance.randrange(10**12)).scaleb(-12)])
    saved = chance.choice([None, Decimal(chance.randrange(-(10**9), 10**10)).scaleb(-12)])
    return book(
        chance.choice([*people, None]),
        at=_anytime(chance),
        kind=kind,
        plan=chance.choice(PLANS),
        model=chance.choice(MODELS),
        cost_usd=None if cost is None else sign * cost,
        savings_usd=saved,
        messages=sign * chance.randrange(2),
        tokens=sign * chance.randrange(5_000),
        images=chance.randrange(2) if kind == "image" else 0,
        documents=chance.randrange(2) if kind == "document" else 0,
        audio_seconds=chance.randrange(90) if kind == "transcription" else 0,
        prompt_tokens=chance.choice([0, chance.randrange(4_000)]),
        completion_tokens=chance.randrange(900),
        reasoning_tokens=chance.randrange(90),
        cached_tokens_read=chance.choice([None, 0, chance.randrange(3_000)]),
        cached_tokens_written=chance.choice([None, 0, chance.randrange(3_000)]),
    )


def end_any_turn(chance: random.Random, people: list[UUID]) -> None:
    """Write a turn of one or two attempts on any of the last days."""
    turn_id, owner, at = uuid4(), chance.choice(people), _anytime(chance)
    asked = chance.choice(MODELS[:3])
    shared = {"turn_id": turn_id, "at": at, "plan": chance.choice(PLANS), "asked": asked}
    answered = chance.choice([asked, asked, *MODELS[:3]])
    if answered != asked:
        end_turn(owner, model=asked, is_last=False, status="failed", **shared)
    status = chance.choice(["done", "done", "stopped", "failed"])
    waited = chance.choice(
        [None, chance.randrange(50), chance.randrange(30_000), chance.randrange(2_000_000)]
    )
    end_turn(
        owner,
        model=answered,
        status=status,
        first_token_ms=waited,
        total_ms=None if waited is None else waited + chance.randrange(60_000),
        missed_savings_usd=chance.choice([None, Decimal(chance.randrange(-(10**9), 10**10)).scaleb(-12)]),
        preset=chance.choice(["", "*", "tafsir", "fiqh"]),
        **({} if status == "failed" else checked(chance)),
        **shared,
    )


def checked(chance: random.Random) -> dict[str, int]:
    """Return what the check of an answer came to; half of them quote nothing, and some are from before checks."""
    names = ("genuine_quotations", "cut_quotations", "altered_quotations", "unknown_quotations")
    most = chance.choice([0, 0, 3])
    counts = {name: chance.randint(0, most) for name in names} | {
        "impossible_references": chance.randrange(2)
    }
    return chance.choice([counts, counts, counts, {}])


def _anytime(chance: random.Random) -> datetime:
    """Return a moment of the last forty days, often of today or at the very edge of a day."""
    now = timezone.now()
    back = chance.choice([0, 0, 1, chance.randrange(40)])
    if back == 0:
        return now
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)
    return midnight + chance.choice([timedelta(0), timedelta(days=1, microseconds=-1), timedelta(hours=7)])
