"""A turn from door to ledger: opened, closed and stopped here; `chat.running` produces it in between.

All of this is plain sync code in short transactions. No transaction is open while the network talks.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing import quota
from billing.amounts import NOTHING, Amounts
from billing.models import Feature, LedgerEntry, PlanLimit, Reservation
from billing.plans import require_feature, subscription_for
from chat import conversations
from chat.assembly import Prompt, assemble
from chat.inputs import ChatInput
from chat.models import Conversation, Message, Turn
from chat.wishes import Wishes, wishes_of
from presets import catalogue, pricing
from presets.tokens import estimate
from wisqu.api import idempotency, rows
from wisqu.api.ids import uuid7
from wisqu.api.problems import NotFound, Problem
from wisqu.openrouter.routing import Strategy, preferences
from wisqu.openrouter.types import ChatRequest, Citation, Usage

# A turn may take ten minutes upstream; its hold outlives it by enough for the sweeper to come first.
HOLD_LIFETIME = timedelta(minutes=15)
# Held for the answer: enough to stop a spent account, little enough not to refuse a cheap call.
ANSWER_ALLOWANCE = 200
# No model reads or writes this much at once; a server that says so is wrong.
MOST_TOKENS = 100_000_000


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn that is paid for and stored; everything that its producer needs."""

    turn_id: uuid.UUID
    owner_id: uuid.UUID
    conversation_id: uuid.UUID
    title: str | None  # of a conversation that this turn began
    question_id: uuid.UUID
    answer: Message
    request: ChatRequest
    prompt_estimate: int
    created: datetime


@dataclass(frozen=True, slots=True)
class Replay:
    """The request is a copy of an earlier one; this turn is its answer."""

    turn: Turn


@dataclass(slots=True)
class Outcome:
    """How a turn ended, and what it brought. `status` is one of the final values of `Turn.Status`."""

    status: str
    content: str
    reasoning: str = ""
    citations: list[Citation] = field(default_factory=list)
    finish_reason: str = ""
    model: str = ""
    provider: str = ""
    generation_id: str = ""
    models_attempted: tuple[str, ...] = ()
    usage: Usage | None = None
    cost_source: LedgerEntry.CostSource = LedgerEntry.CostSource.UPSTREAM
    cache_discount_usd: Decimal | None = None
    error_code: str = ""
    error_detail: str = ""
    first_token_ms: int | None = None
    total_ms: int | None = None
    stream_ends: bytes | None = None


@transaction.atomic
def open_turn(
    *, owner_id: uuid.UUID, chat: ChatInput, key: str | None = None, mark: str = ""
) -> OpenTurn | Replay:
    """Check, reserve and store a question; the model has not been asked yet.

    `key` and `mark` are an idempotency key and the fingerprint of its request. Raises a `Problem` for every refusal:
    NotFound, QuotaExceeded, UnknownModel, FeatureRequired, `context_exceeded`, a reused or busy key.
    """
    turn_id = uuid7()
    if key is not None:
        known = idempotency.claim(owner_id=owner_id, key=key, mark=mark, reference=turn_id)
        if known is not None:
            return Replay(_replayed_turn(owner_id, known.reference))
    _refuse_unknown_references(chat)
    subscription = subscription_for(owner_id)
    plan = subscription.plan
    conversation = _conversation(owner_id, chat)
    wishes = wishes_of(owner_id, chat, conversation)
    chat = wishes.chat
    if chat.web_search:
        _require_web_search(plan)
    model = _choose_model(plan, chat.model)
    parent = conversations.place_to_continue(conversation, chat.parent_id, question=chat.message)
    prompt = assemble(plan, model, chat, parent, habit=wishes.habit)
    quota.reserve(
        user_id=owner_id,
        amounts=Amounts(
            messages=1, tokens=prompt.tokens + min(ANSWER_ALLOWANCE, chat.max_tokens or ANSWER_ALLOWANCE)
        ),
        key=turn_id,
        lifetime=HOLD_LIFETIME,
        subscription=subscription,
    )
    request = _request(conversation, plan, model, chat, prompt)
    question, answer = _store_messages(conversation, parent, wishes, request, prompt)
    if conversation._state.adding:
        conversation.head = answer
        rows.insert(conversation)
    else:
        conversations.touch(conversation, answer)
    rows.insert(
        Turn(id=turn_id, owner_id=owner_id, conversation=conversation, question=question, answer=answer)
    )
    return OpenTurn(
        turn_id=turn_id,
        owner_id=owner_id,
        conversation_id=conversation.id,
        title=conversation.title if chat.conversation_id is None else None,
        question_id=question.id,
        answer=answer,
        request=request,
        prompt_estimate=prompt.tokens,
        created=answer.created_at,
    )


def _replayed_turn(owner_id: uuid.UUID, turn_id: uuid.UUID | None) -> Turn:
    turns = Turn.objects.for_owner(owner_id).select_related("answer")
    turn: Turn | None = turns.filter(id=turn_id).first() if turn_id else None
    if turn is None:  # its conversation was deleted since
        raise NotFound
    if turn.status == Turn.Status.RUNNING:
        raise idempotency.in_flight()
    return turn


def _refuse_unknown_references(chat: ChatInput) -> None:
    if chat.attachments:
        raise NotFound(detail="There is no such attachment, or it is not yours.")


def _require_web_search(plan: PlanLimit) -> None:
    require_feature(plan, Feature.WEB_SEARCH)
    if catalogue.is_server_of_ones_own():
        raise Problem(422, "web_search_unavailable", "This site's model server can't search the web.")


def _conversation(owner_id: uuid.UUID, chat: ChatInput) -> Conversation:
    if chat.conversation_id is not None:
        return conversations.owned(owner_id=owner_id, conversation_id=chat.conversation_id)
    if chat.parent_id is not None:
        raise NotFound
    return Conversation(owner_id=owner_id, title=conversations.title_from(chat.message))


def _choose_model(plan: PlanLimit, wish: str | None) -> catalogue.Model:
    if wish:
        return catalogue.require(wish, plan=plan)
    return catalogue.default_model(allow_advanced=plan.advanced_models)


def _store_messages(
    conversation: Conversation,
    parent: Message | None,
    wishes: Wishes,
    request: ChatRequest,
    prompt: Prompt,
) -> tuple[Message, Message]:
    chat = wishes.chat
    depth = parent.depth + 1 if parent else 0
    question = Message(
        conversation=conversation,
        parent=parent,
        role=Message.Role.USER,
        content=chat.message,
        token_estimate=prompt.question_tokens,
        depth=depth,
    )
    answer = Message(
        conversation=conversation,
        parent=question,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
        model=request.model,
        routing_strategy=_strategy(chat),
        preset=wishes.preset_used(),
        applied=wishes.applied(request, routing_strategy=_strategy(chat)),
        enable_caching=chat.enable_caching,
        cache_breakpoints=prompt.breakpoints,
        prompt_tokens_estimated=prompt.tokens,
        history_messages_cut=prompt.cut,
        depth=depth + 1,
    )
    rows.insert(
        question, answer
    )  # before a new conversation: they name each other, and the database checks at commit
    return question, answer


def _request(
    conversation: Conversation, plan: PlanLimit, model: catalogue.Model, chat: ChatInput, prompt: Prompt
) -> ChatRequest:
    limit = chat.max_tokens or settings.LLM_MAX_TOKENS
    return ChatRequest(
        model=model.id,
        messages=prompt.messages,
        fallback_models=_fallbacks(plan, model, chat),
        temperature=settings.LLM_TEMPERATURE if chat.temperature is None else chat.temperature,
        max_tokens=min(limit, model.max_completion_tokens or limit),
        top_p=chat.top_p,
        provider=preferences(_strategy(chat)) if settings.MODEL_ROUTING_ENABLED else None,
        session_id=str(conversation.id),
        user=pseudonym(conversation.owner_id) if settings.TRACK_USER_IDS else None,
        web_search=chat.web_search,
        automatic_cache=prompt.placement.automatic,
    )


def _strategy(chat: ChatInput) -> Strategy:
    return chat.routing_strategy or cast(Strategy, settings.ROUTING_STRATEGY)


def _fallbacks(plan: PlanLimit, model: catalogue.Model, chat: ChatInput) -> tuple[str, ...]:
    """Return the models to try next. The site's own list is cut to the plan; a wish beyond the plan is refused."""
    if not settings.MODEL_ROUTING_ENABLED:
        return ()
    if chat.fallback_models is not None:
        names = [
            catalogue.require(name, plan=plan, field_name="fallback_models").id
            for name in chat.fallback_models
        ]
    else:
        known = [catalogue.get(name) for name in settings.DEFAULT_FALLBACK_MODELS]
        names = [item.id for item in known if item and item.may_be_used(allow_advanced=plan.advanced_models)]
    return tuple(name for name in dict.fromkeys(names) if name != model.id)


def pseudonym(user_id: uuid.UUID) -> str:
    """Return the stable name under which OpenRouter sees a user: it can't be turned back into the id."""
    return hmac.new(settings.SECRET_KEY.encode(), user_id.bytes, hashlib.sha256).hexdigest()[:32]


@transaction.atomic
def close_turn(
    *, turn_id: uuid.UUID, answer: Message, outcome: Outcome, prompt_estimate: int = 0
) -> Message | None:
    """Store the answer and settle the hold. None when the turn was closed before, by whomever, or deleted.

    `prompt_estimate` (tokens) is charged where the server did not count. A failed answer costs the user nothing; what
    it cost us stands in the ledger all the same.
    """
    ended = rows.change(
        Turn,
        {"status": outcome.status, "ended_at": timezone.now()},
        where={"id": turn_id, "status": Turn.Status.RUNNING},
    )
    if not ended and Turn.objects.filter(id=turn_id).exists():
        return None
    _fill(answer, outcome)
    if ended:
        rows.change(
            Message, {name: getattr(answer, name) for name in _ANSWER_FIELDS}, where={"id": answer.id}
        )
    # A conversation that was deleted meanwhile takes its rows along, not what its answer cost.
    _settle(turn_id, outcome, answer, prompt_estimate)
    return answer if ended else None


_ANSWER_FIELDS = [
    "content", "reasoning", "citations", "status", "finish_reason", "final_model_used", "provider", "generation_id",
    "models_attempted", "fallback_used", "error_code", "error_detail", "prompt_tokens", "completion_tokens",
    "reasoning_tokens", "total_tokens", "cached_tokens_read", "cached_tokens_written", "cost_usd",
    "cache_discount_usd", "first_token_ms", "total_ms", "token_estimate", "stream_ends",
]  # fmt: skip


def _fill(message: Message, outcome: Outcome) -> None:
    """Put the facts of the outcome on the answer; what a server says is cut to what a column holds."""
    outcome.usage = _believable(outcome.usage)
    message.content = outcome.content
    message.reasoning = outcome.reasoning
    message.citations = [
        {"url": item.url, "title": item.title, "start": item.start, "end": item.end}
        for item in outcome.citations
    ]
    message.status = outcome.status
    message.finish_reason = outcome.finish_reason[:50]
    message.final_model_used = outcome.model[:200]
    message.provider = outcome.provider[:100]
    message.generation_id = outcome.generation_id[:100]
    message.models_attempted = list(outcome.models_attempted) or [message.model]
    message.fallback_used = bool(outcome.model) and not catalogue.is_same(outcome.model, message.model)
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
    if outcome.usage is not None and outcome.usage.completion_tokens:
        return max(outcome.usage.completion_tokens - outcome.usage.reasoning_tokens, 1)
    return estimate(outcome.content)


def _settle(turn_id: uuid.UUID, outcome: Outcome, message: Message, prompt_estimate: int) -> None:
    if not outcome.generation_id and outcome.usage is None and not outcome.content:
        quota.release(key=turn_id)
        return
    # What failed, or was stopped before its first word, costs the user nothing.
    is_charged = outcome.status == Turn.Status.DONE or (
        outcome.status == Turn.Status.STOPPED and bool(outcome.content or outcome.reasoning)
    )
    tokens = message.total_tokens
    if tokens is None:
        tokens = prompt_estimate + message.token_estimate
    entry = _entry(outcome, message)
    try:
        quota.settle(
            key=turn_id, charge=Amounts(messages=1, tokens=tokens) if is_charged else NOTHING, entry=entry
        )
    except Reservation.DoesNotExist:  # the account was erased, and its holds with it
        quota.record_erased(user_id=message.conversation.owner_id, entry=entry)


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
    )


def request_stop(*, owner_id: uuid.UUID, turn_id: uuid.UUID) -> Turn:
    """Ask the turn's producer, wherever it runs, to stop. Raises NotFound. Harmless for a turn that has ended."""
    turn: Turn | None = Turn.objects.for_owner(owner_id).filter(id=turn_id).first()
    if turn is None:
        raise NotFound
    if turn.status == Turn.Status.RUNNING and turn.stop_requested_at is None:
        Turn.objects.filter(id=turn_id).update(stop_requested_at=timezone.now())
    return turn
