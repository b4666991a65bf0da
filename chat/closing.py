"""The end of a turn: its answer is stored, what it held is settled, what it cost stands in the ledger.

Plain sync code in one short transaction, for producer and sweeper alike; of many who close a turn one does.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import quota
from billing.amounts import NOTHING, Amounts
from billing.models import LedgerEntry, Reservation
from chat import mending, owed, reviews, search, tallies, titlejobs
from chat.checking import Findings
from chat.citations import Cited
from chat.models import Message, Turn
from presets import catalogue, pricing
from presets.tokens import estimate
from wisqu.api import rows
from wisqu.openrouter.types import Usage

# No model reads or writes this much at once; a server that says so is wrong.
MOST_TOKENS = 100_000_000


@dataclass(slots=True)
class Outcome:
    """How a turn ended, and what it brought. `status` is one of the final values of `Turn.Status`.

    `has_owed`: attempts of it broke off, whose cost `chat.owed` knows. `is_continued`: its last generation wrote only
    the rest of the answer. `is_settled_later`: what its generation cost is still to be asked.
    """

    status: str
    content: str
    reasoning: str = ""
    citations: Sequence[Cited] = ()
    finish_reason: str = ""
    model: str = ""
    provider: str = ""
    generation_id: str = ""
    models_attempted: tuple[str, ...] = ()
    routing_reason: str = ""
    has_owed: bool = False
    is_continued: bool = False
    is_settled_later: bool = False
    usage: Usage | None = None
    cost_source: LedgerEntry.CostSource = LedgerEntry.CostSource.UPSTREAM
    cache_discount_usd: Decimal | None = None
    error_code: str = ""
    error_detail: str = ""
    first_token_ms: int | None = None
    total_ms: int | None = None
    stream_ends: bytes | None = None
    structured_data: Any = None
    findings: Findings | None = None  # of `content`
    repair: mending.Repair | None = None
    is_free: bool = False  # nobody was asked, and nothing is held

    @property
    def final_findings(self) -> Findings | None:
        """What the text quotes that is shown in the end."""
        return self.repair.findings if self.repair and self.repair.is_better else self.findings


@transaction.atomic
def close_turn(
    *, turn_id: uuid.UUID, answer: Message, outcome: Outcome, prompt_estimate: int = 0
) -> Message | None:
    """Store the answer and settle the hold. None when the turn was closed before, by whomever, or deleted.

    `prompt_estimate` (tokens) is charged where the server did not count. A failed answer costs the user nothing; what
    it cost us stands in the ledger all the same.
    """
    looks = () if outcome.is_free else quota.looks(key=turn_id, generation_id=outcome.generation_id)
    end = {"status": outcome.status, "ended_at": timezone.now()}
    is_ours = rows.Change(Turn, end, where={"id": turn_id, "status": Turn.Status.RUNNING})
    with rows.foreseeing(*looks, after=is_ours) as ended:
        if not ended and Turn.objects.filter(id=turn_id).exists():
            return None
        _fill(answer, outcome)
        if ended and outcome.repair is not None:
            mending.store(answer, outcome.repair)
        with rows.together():
            # A conversation that was deleted meanwhile takes its rows along, not what its answer cost.
            plan = _settle(turn_id, outcome, answer, prompt_estimate)
            if not outcome.is_free:
                tallies.tally(turn_id=turn_id, answer=answer, plan=plan)
            if ended:
                _store(answer, outcome)
    return answer if ended else None


def _store(answer: Message, outcome: Outcome) -> None:
    """Write the answer down, and what comes of it."""
    rows.put(Message, {name: getattr(answer, name) for name in _ANSWER_FIELDS}, where={"id": answer.id})
    if answer.conversation.is_temporary:
        return
    if not outcome.is_free:
        reviews.open_for_check(answer)
    search.remember(answer.conversation.owner_id, *filter(None, (answer.parent, answer)))
    if outcome.status != Turn.Status.FAILED and not outcome.is_free:
        titlejobs.want(answer)


_ANSWER_FIELDS = [
    "content", "reasoning", "citations", "status", "finish_reason", "final_model_used", "provider", "generation_id",
    "models_attempted", "fallback_used", "routing_reason", "error_code", "error_detail", "prompt_tokens",
    "completion_tokens", "reasoning_tokens", "total_tokens", "cached_tokens_read", "cached_tokens_written", "cost_usd",
    "fees_usd", "web_searches", "cache_discount_usd", "first_token_ms", "total_ms", "token_estimate", "stream_ends",
    "structured_data", "quotations", "references", "repair",
]  # fmt: skip


def _fill(message: Message, outcome: Outcome) -> None:
    """Put the facts of the outcome on the answer; what a server says is cut to what a column holds."""
    outcome.usage = _believable(outcome.usage)
    message.content = outcome.content
    message.reasoning = outcome.reasoning
    message.citations = [item.stored(length=len(outcome.content)) for item in outcome.citations]
    message.status = outcome.status
    message.finish_reason = outcome.finish_reason[:50]
    message.final_model_used = outcome.model[:200]
    message.provider = outcome.provider[:100]
    message.generation_id = outcome.generation_id[:100]
    message.models_attempted = list(outcome.models_attempted) or [message.model]
    message.fallback_used = bool(outcome.model) and not catalogue.is_same(outcome.model, message.model)
    message.routing_reason = outcome.routing_reason[:500]
    message.structured_data = outcome.structured_data
    findings = outcome.findings or Findings()
    message.quotations, message.references = findings.quotations, findings.references
    message.error_code = outcome.error_code
    message.error_detail = outcome.error_detail
    message.first_token_ms = outcome.first_token_ms
    message.total_ms = outcome.total_ms
    if outcome.stream_ends is not None:
        message.stream_ends = outcome.stream_ends
    if outcome.usage is not None:
        _fill_usage(message, outcome.usage)
    message.cache_discount_usd = _saved(message, outcome)
    message.token_estimate = _answer_tokens(outcome)


def _believable(usage: Usage | None) -> Usage | None:
    """Return the usage, or None when a server counts what can't be counted: then our own estimate is charged."""
    if usage is None:
        return None
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.total_tokens,
              usage.cached_tokens_read or 0, usage.cached_tokens_written or 0)  # fmt: skip
    return usage if all(0 <= count <= MOST_TOKENS for count in counts) else None


def _fill_usage(message: Message, usage: Usage) -> None:
    message.prompt_tokens = usage.prompt_tokens
    message.completion_tokens = usage.completion_tokens
    message.reasoning_tokens = usage.reasoning_tokens
    message.total_tokens = usage.total_tokens
    message.cached_tokens_read = usage.cached_tokens_read
    message.cached_tokens_written = usage.cached_tokens_written
    message.cost_usd = usage.cost_usd
    message.fees_usd, message.web_searches = usage.fees_usd, usage.web_searches
    if message.cost_usd is None:
        model = message.final_model_used or message.model
        message.cost_usd = catalogue.cost(model, usage, cache_life=_cache_life(message))


def _saved(message: Message, outcome: Outcome) -> Decimal | None:
    """Return what caching saved: as the look-up says, which alone knows what an aborted stream wrote, else computed."""
    if outcome.cache_discount_usd is not None or outcome.usage is None:
        return outcome.cache_discount_usd
    model = message.final_model_used or message.model
    return catalogue.savings(model, outcome.usage, cache_life=_cache_life(message))


def _cache_life(message: Message) -> pricing.CacheLife:
    """Return how long what this answer's prompt wrote is kept: all marks of a request have one TTL."""
    return "1h" if any(mark["ttl"] == "1h" for mark in message.cache_breakpoints) else "5m"


def _answer_tokens(outcome: Outcome) -> int:
    """Return what the answer will cost as history: the model's own count where there is one."""
    if outcome.usage is not None and outcome.usage.completion_tokens and not outcome.is_continued:
        return max(outcome.usage.completion_tokens - outcome.usage.reasoning_tokens, 1)
    return estimate(outcome.content)


def _settle(turn_id: uuid.UUID, outcome: Outcome, message: Message, prompt_estimate: int) -> str | None:
    """Settle or release the hold, or leave it to later; return the plan that was charged, None where none was."""
    if outcome.is_free:
        return None
    # What failed, or was stopped before its first word, costs the user nothing.
    is_charged = outcome.status == Turn.Status.DONE or (
        outcome.status == Turn.Status.STOPPED and bool(outcome.content or outcome.reasoning)
    )
    has_cost = bool(outcome.generation_id) or outcome.usage is not None
    if not has_cost and (not outcome.content or (outcome.has_owed and not is_charged)):
        quota.release(key=turn_id)
        return None
    tokens = message.total_tokens
    if tokens is None:
        tokens = prompt_estimate + message.token_estimate
    if outcome.is_settled_later:
        owner_id = message.conversation.owner_id
        owed.postpone(
            turn_id=turn_id, owner_id=owner_id, message=message, tokens=tokens, is_charged=is_charged
        )
        return None
    entry = _entry(outcome, message)
    try:
        charge = Amounts(messages=1, tokens=tokens) if is_charged else NOTHING
        return quota.settle(key=turn_id, charge=charge, entry=entry).plan
    except Reservation.DoesNotExist:  # the account was erased, and its holds with it
        return quota.record_erased(user_id=message.conversation.owner_id, entry=entry).plan


def _entry(outcome: Outcome, message: Message) -> quota.EntryFacts:
    has_said_cost = outcome.usage is not None and outcome.usage.cost_usd is not None
    source = outcome.cost_source if has_said_cost else LedgerEntry.CostSource.COMPUTED
    if message.cost_usd is None:
        source = LedgerEntry.CostSource.UNKNOWN
    return quota.EntryFacts(
        kind=LedgerEntry.Kind.CHAT,
        reference=message.id,
        generation_id=outcome.generation_id,
        model=outcome.model or message.model,
        provider=outcome.provider,
        prompt_tokens=message.prompt_tokens or 0,
        completion_tokens=message.completion_tokens or 0,
        reasoning_tokens=message.reasoning_tokens or 0,
        cached_tokens_read=message.cached_tokens_read,
        cached_tokens_written=message.cached_tokens_written,
        cost_usd=message.cost_usd,
        cost_source=source,
        savings_usd=message.cache_discount_usd,
        fees_usd=message.fees_usd,
        web_searches=message.web_searches,
    )
