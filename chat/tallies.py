"""What is written down of a turn when it ends: a row for each model that was asked (`chat.attempts`)."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from billing.models import Feature, PlanLimit, Reservation
from chat.assembly import traits_of
from chat.attempts import OWN_PRESETS, TurnAttempt
from chat.models import Message, Turn
from presets import catalogue
from wisqu.api import rows
from wisqu.openrouter.traits import LIFETIME_S
from wisqu.openrouter.types import Usage


def tally(*, turn_id: uuid.UUID, answer: Message, plan: str | None = None) -> None:
    """Write the attempts of a turn that ends with this answer, all in one statement.

    `plan` is the one the turn was charged to, where the caller knows it: it saves a query.
    """
    if plan is None:
        hold = rows.find(Reservation, key=turn_id)
        plan = hold.plan if hold else ""
    asked = _id_of(answer.model)
    tried = list(dict.fromkeys(_id_of(name) for name in answer.models_attempted)) or [asked]
    last = _id_of(answer.final_model_used) if answer.final_model_used else tried[-1]
    shared = {"turn_id": turn_id, "owner_id": answer.conversation.owner_id, "plan": plan, "asked": asked}
    broken = [
        TurnAttempt(model=name, is_last=False, status=Turn.Status.FAILED, **shared)
        for name in tried
        if name != last
    ]
    rows.insert(
        *broken,
        TurnAttempt(
            model=last,
            is_last=True,
            status=answer.status,
            error_code=answer.error_code,
            first_token_ms=answer.first_token_ms,
            total_ms=answer.total_ms,
            missed_savings_usd=missed_savings(answer, plan),
            preset=_preset_of(answer),
            **_checked(answer),
            **shared,
        ),
    )


def _preset_of(answer: Message) -> str:
    if answer.preset is None:
        return ""
    return str(answer.preset["slug"]) if answer.preset["is_public"] else OWN_PRESETS


def _checked(answer: Message) -> dict[str, Any]:
    """Return how many of its quotations are what; nothing for an answer that failed."""
    if answer.status == Turn.Status.FAILED:
        return {}
    verdicts = Counter(each["verdict"] for each in answer.quotations)
    counts = {f"{name}_quotations": verdicts[name] for name in ("genuine", "cut", "altered", "unknown")}
    impossible = sum(each["state"] == "impossible" for each in answer.references)
    return counts | {"impossible_references": impossible}


def _id_of(name: str) -> str:
    """Return the model's id for the dated name that answers come back with."""
    known = catalogue.get(name)
    return (known.id if known else name)[:200]


def missed_savings(answer: Message, plan: str) -> Decimal | None:
    """Return what caching the whole prompt for five minutes would have saved, in USD, where caching was off.

    Below zero where writing would have cost more than there was to read: the first question of a conversation, or one
    after a pause. None where caching was on, where the model does it unasked or not at all, and for prompts that are
    too short or were not counted.
    """
    model = catalogue.get(answer.final_model_used or answer.model)
    if model is None or answer.prompt_tokens is None or answer.cached_tokens_read or answer.cache_breakpoints:
        return None
    traits = traits_of(model)
    is_too_short = answer.prompt_tokens < traits.min_tokens
    if not traits.explicit or traits.automatic or is_too_short or _was_on(answer, plan):
        return None
    read = min(_still_cached(answer, model), answer.prompt_tokens)
    usage = Usage(
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens or 0,
        reasoning_tokens=0,
        total_tokens=answer.prompt_tokens,
        cached_tokens_read=read,
        cached_tokens_written=answer.prompt_tokens - read,
    )
    return catalogue.savings(model, usage)


def _was_on(answer: Message, plan: str) -> bool:
    """Tell whether settings, wish and plan allowed caching (`chat.assembly.may_cache`), used or not."""
    is_on = settings.PROMPT_CACHING_ENABLED and settings.CACHE_CONTROL_STRATEGY != "off"
    if not is_on or not answer.enable_caching:
        return False
    return PlanLimit.objects.filter(slug=plan, **{Feature.PROMPT_CACHING.value: True}).exists()


def _still_cached(answer: Message, model: catalogue.Model) -> int:
    """Return how much of the prompt the turn before would have left in a cache: its own prompt, five minutes long."""
    question = answer.parent
    if question is None or question.parent_id is None:
        return 0
    since = answer.created_at - timedelta(seconds=LIFETIME_S["5m"])
    before = Message.objects.filter(id=question.parent_id, created_at__gte=since).first()
    if before is None or before.prompt_tokens is None or before.prompt_tokens < traits_of(model).min_tokens:
        return 0
    return before.prompt_tokens if catalogue.is_same(before.final_model_used, model.id) else 0
