"""Turns: opened and stopped here; `chat.producing` writes the answers, `chat.closing` stores and settles them.

All of this is plain sync code in short transactions. No transaction is open while the network talks.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing import quota
from billing.amounts import Amounts
from billing.models import Feature, PlanLimit, Subscription
from billing.plans import require_feature, subscription_for
from chat import attaching, conversations, enclosing, guidance, lookups
from chat.assembly import Prompt, assemble
from chat.fallback import Candidate, candidates, fallbacks, is_offered, provider_preferences, search_for
from chat.inputs import ChatInput, StructuredInput
from chat.models import Attachment, Conversation, Message, Turn
from chat.upstream import pseudonym
from chat.wishes import REQUEST, Wishes, wishes_of
from presets import catalogue
from presets.models import DefaultPreset
from presets.tokens import estimate
from quran.passages import passage_of
from wisqu.accounts.models import User
from wisqu.api import idempotency, rows
from wisqu.api.ids import uuid7
from wisqu.api.problems import FieldError, Invalid, NotFound, Problem
from wisqu.openrouter.routing import Strategy
from wisqu.openrouter.types import ChatRequest, WebSearch

# A turn may take ten minutes upstream; its hold outlives it by enough for the sweeper to come first.
HOLD_LIFETIME = timedelta(minutes=15)
# What must be left for an answer, which is held at its longest: a cheap question is not refused for what it won't use.
ANSWER_ALLOWANCE = 200


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn that is paid for and stored; everything that its producer needs."""

    turn_id: uuid.UUID
    owner_id: uuid.UUID
    conversation_id: uuid.UUID
    title: str | None  # of a conversation that this turn began
    question_id: uuid.UUID
    answer: Message
    candidates: tuple[Candidate, ...]  # never none
    prompt_estimate: int
    created: datetime
    said: str | None = None  # the whole answer, where no model is to be asked for it
    pdfs: tuple[tuple[uuid.UUID, str], ...] = ()  # id and name of those that go to the parser
    may_mend: bool = False  # whether a false quotation may be mended by asking once more

    @property
    def request(self) -> ChatRequest:
        """Return what the model that was asked for is sent."""
        return self.candidates[0].request


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn stands in the tree: the answer it follows, and the question that it only answers again."""

    conversation: Conversation
    parent: Message | None
    question: Message | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """The request is a copy of an earlier one, and this turn its answer, maybe still under way.

    A door that can follow it does; one that has to answer for good refuses with `idempotency.in_flight`.
    """

    turn: Turn


@transaction.atomic
def open_turn(
    *,
    owner_id: uuid.UUID,
    chat: ChatInput,
    key: str | None = None,
    mark: str = "",
    place: Place | None = None,
) -> OpenTurn | Replay:
    """Check, reserve and store a question; the model has not been asked yet.

    `key` and `mark` are an idempotency key and the fingerprint of its request; `place` is for whoever knows it better
    than the input tells (`chat.branches`). Raises a `Problem` for every refusal: NotFound, QuotaExceeded,
    UnknownModel, FeatureRequired, `context_exceeded`, a reused or busy key.
    """
    turn_id = uuid7()
    if key is not None:
        known = idempotency.claim(owner_id=owner_id, key=key, mark=mark, reference=turn_id)
        if known is not None:
            return Replay(_replayed_turn(owner_id, known.reference))
    attached = _attached(owner_id, chat, place)
    with rows.foreseeing(*_foreseen(owner_id, chat)):
        subscription = subscription_for(owner_id)
        conversation = place.conversation if place else _conversation(owner_id, chat)
        wishes = wishes_of(owner_id, chat, conversation)
    chat = wishes.chat
    if (place is None or place.question is None) and (said := looked_up(wishes)) is not None:
        return _open_said(turn_id, place or _place(conversation, chat), chat, said)
    return _open_asked(_Asked(turn_id, subscription, wishes, place or _place(conversation, chat), attached))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question for a model."""

    turn_id: uuid.UUID
    subscription: Subscription
    wishes: Wishes
    place: Place
    attached: Sequence[Attachment]


def _open_asked(asked: _Asked) -> OpenTurn:
    """Choose the model, hold what the answer may need, and store the question."""
    plan, place, wishes, chat = asked.subscription.plan, asked.place, asked.wishes, asked.wishes.chat
    conversation, attached = place.conversation, asked.attached
    if chat.web_search:
        _require_web_search(plan)
    is_said_now = wishes.sources.get("model") == REQUEST
    wish = chat.model if is_said_now or is_offered(chat.model) else None
    model = _choose_model(plan, wish, structured=isinstance(chat, StructuredInput))
    files = enclosing.Files(None if conversation._state.adding else conversation.id, attached)
    beside = _guidance(place, wishes)
    prompt = assemble(plan, model, chat, place.parent, habit=wishes.habit, files=files, beside=beside)
    request = _request(place, plan, model, chat, prompt)
    with rows.together():
        _hold(asked, prompt, longest=_longest_answer(chat, model))
        question, answer = _store_messages(place, wishes, request, prompt, attached)
        _store_turn(asked.turn_id, conversation, question, answer)
    if place.question is None:
        attaching.use((question, attached))
    return OpenTurn(
        turn_id=asked.turn_id,
        owner_id=conversation.owner_id,
        conversation_id=conversation.id,
        title=conversation.title if chat.conversation_id is None else None,
        question_id=question.id,
        answer=answer,
        candidates=candidates(request, strategy=_strategy(chat), wished=_wished(chat)),
        prompt_estimate=prompt.tokens,
        created=answer.created_at,
        may_mend=_may_mend(plan, chat),
        pdfs=prompt.files.pdfs,
    )


def _foreseen(owner_id: uuid.UUID, chat: ChatInput) -> Iterator[rows.Look]:
    """Name what is looked for in any case, so that it is asked for in one exchange with the database."""
    yield rows.look(Subscription, related="plan", user_id=owner_id)
    if chat.conversation_id is None and not chat.preset:
        yield rows.look(DefaultPreset, related="preset", user_id=owner_id)
    if not chat.system_prompt:
        yield rows.look(User, id=owner_id)


def _hold(asked: _Asked, prompt: Prompt, *, longest: int) -> None:
    quota.reserve(
        user_id=asked.subscription.user_id,
        amounts=Amounts(messages=1, tokens=prompt.tokens + longest),
        at_least=Amounts(messages=1, tokens=prompt.tokens + min(ANSWER_ALLOWANCE, longest)),
        key=asked.turn_id,
        lifetime=HOLD_LIFETIME,
        subscription=asked.subscription,
    )


def _place(conversation: Conversation, chat: ChatInput) -> Place:
    parent = conversations.place_to_continue(conversation, chat.parent_id, question=chat.message)
    return Place(conversation, parent)


def looked_up(wishes: Wishes) -> str | None:
    """Return the answer to a question that is nothing but a reference; None for every other one."""
    chat = wishes.chat
    if isinstance(chat, StructuredInput) or chat.attachments or wishes.reader is None:
        return None
    passage = passage_of(chat.message)
    if passage is None or not settings.VERSE_LOOKUPS_ENABLED:
        return None
    return lookups.answer(passage, lookups.language_of(chat.message, wishes.reader.language))


def _open_said(turn_id: uuid.UUID, place: Place, chat: ChatInput, said: str) -> OpenTurn:
    """Store a question whose answer is known already: nothing is held, and nobody is asked."""
    conversation = place.conversation
    question = Message(
        conversation=conversation,
        parent=place.parent,
        role=Message.Role.USER,
        content=chat.message,
        token_estimate=estimate(chat.message),
        depth=place.parent.depth + 1 if place.parent else 0,
    )
    answer = Message(
        conversation=conversation,
        parent=question,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
        model=lookups.THE_TEXT,
        depth=question.depth + 1,
    )
    rows.insert(question, answer)
    _store_turn(turn_id, conversation, question, answer)
    return OpenTurn(
        turn_id=turn_id,
        owner_id=conversation.owner_id,
        conversation_id=conversation.id,
        title=conversation.title if chat.conversation_id is None else None,
        question_id=question.id,
        answer=answer,
        candidates=(Candidate(ChatRequest(model=lookups.THE_TEXT, messages=())),),
        prompt_estimate=0,
        created=answer.created_at,
        said=said,
    )


def _store_turn(turn_id: uuid.UUID, conversation: Conversation, question: Message, answer: Message) -> None:
    if conversation._state.adding:
        conversation.head = answer
        rows.insert(conversation)
    else:
        conversations.touch(conversation, answer)
    owner_id = conversation.owner_id
    rows.insert(
        Turn(id=turn_id, owner_id=owner_id, conversation=conversation, question=question, answer=answer)
    )


def _replayed_turn(owner_id: uuid.UUID, turn_id: uuid.UUID | None) -> Turn:
    turns = Turn.objects.for_owner(owner_id).select_related("answer")
    turn: Turn | None = turns.filter(id=turn_id).first() if turn_id else None
    if turn is None:  # its conversation was deleted since
        raise NotFound
    return turn


def _attached(owner_id: uuid.UUID, chat: ChatInput, place: Place | None) -> list[Attachment]:
    """Return the files of the question, which has them already where it is only answered again."""
    if place is not None and place.question is not None:
        ids = enclosing.ids_in(place.question.attached)
        found = Attachment.objects.in_bulk(ids) if ids else {}
        return [found[each] for each in ids if each in found]
    return attaching.chosen(owner_id, chat.attachments)


def _require_web_search(plan: PlanLimit) -> None:
    require_feature(plan, Feature.WEB_SEARCH)
    if catalogue.is_server_of_ones_own():
        raise Problem(422, "web_search_unavailable", "This site's model server can't search the web.")


def _conversation(owner_id: uuid.UUID, chat: ChatInput) -> Conversation:
    if chat.conversation_id is not None:
        return conversations.owned(owner_id=owner_id, conversation_id=chat.conversation_id)
    if chat.parent_id is not None:
        raise NotFound
    return Conversation(
        owner_id=owner_id, title=conversations.title_from(chat.message), is_temporary=chat.temporary
    )


def _choose_model(plan: PlanLimit, wish: str | None, *, structured: bool) -> catalogue.Model:
    if not wish:
        return catalogue.default_model(allow_advanced=plan.advanced_models, structured=structured)
    model = catalogue.require(wish, plan=plan)
    if structured and not model.gives_structure:
        detail = f"{model.id} can't be bound to a schema; choose a model with structured_outputs."
        raise Invalid(detail=detail, errors=[FieldError("model", "no_structured_outputs", detail)])
    return model


def _store_messages(
    place: Place, wishes: Wishes, request: ChatRequest, prompt: Prompt, attached: Sequence[Attachment]
) -> tuple[Message, Message]:
    chat = wishes.chat
    question = place.question or Message(
        conversation=place.conversation,
        parent=place.parent,
        role=Message.Role.USER,
        content=chat.message,
        attached=[enclosing.facts(each) for each in attached],
        guidance=prompt.beside,
        token_estimate=prompt.question_tokens,
        depth=place.parent.depth + 1 if place.parent else 0,
    )
    answer = Message(
        conversation=place.conversation,
        parent=question,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
        model=request.model,
        routing_strategy=_strategy(chat),
        preset=wishes.preset_used(),
        applied=wishes.applied(request, routing_strategy=_strategy(chat)),
        enable_caching=chat.enable_caching,
        cache_breakpoints=prompt.breakpoints,
        response_schema=request.response_schema,
        prompt_tokens_estimated=prompt.tokens,
        history_messages_cut=prompt.cut,
        depth=question.depth + 1,
    )
    # Before a new conversation: they name each other, and the database checks at commit.
    rows.insert(*([answer] if place.question else [question, answer]))
    return question, answer


def _guidance(place: Place, wishes: Wishes) -> str:
    """Return what scholars have laid down for the question: found once, and the same whenever it is sent again."""
    if place.question is not None:
        return place.question.guidance
    return guidance.for_question(wishes.chat.message) if wishes.reader is not None else ""


def _may_mend(plan: PlanLimit, chat: ChatInput) -> bool:
    is_on = bool(settings.QUOTATION_REPAIR_ENABLED) and plan.has(Feature.QUOTATION_REPAIR)
    return is_on and not isinstance(chat, StructuredInput)


def _request(
    place: Place, plan: PlanLimit, model: catalogue.Model, chat: ChatInput, prompt: Prompt
) -> ChatRequest:
    conversation, parent = place.conversation, place.parent
    holds_cache = parent.provider if parent and catalogue.is_same(parent.final_model_used, model.id) else ""
    others = fallbacks(plan, model, chat.fallback_models, prompt_tokens=prompt.tokens)
    others = tuple(name for name in others if enclosing.takes(catalogue.get(name), prompt.files.needs))
    schema = chat.response_schema if isinstance(chat, StructuredInput) else None
    if schema is not None:
        others = tuple(name for name in others if (each := catalogue.get(name)) and each.gives_structure)
    return ChatRequest(
        model=model.id,
        messages=prompt.messages,
        fallback_models=others,
        temperature=settings.LLM_TEMPERATURE if chat.temperature is None else chat.temperature,
        max_tokens=_longest_answer(chat, model),
        top_p=chat.top_p,
        provider=provider_preferences(
            _strategy(chat), model, has_fallbacks=bool(others), holds_cache=holds_cache
        ),
        session_id=str(conversation.id),
        user=pseudonym(conversation.owner_id) if settings.TRACK_USER_IDS else None,
        web_search=search_for(_web_search(chat), (model.id, *others)),
        automatic_cache=prompt.placement.automatic,
        response_schema=schema,
        pdf_engine=prompt.files.engine,
    )


def _web_search(chat: ChatInput) -> WebSearch | None:
    """Return how the web is to be searched, None where it is not."""
    options = chat.web_search_options
    if not chat.web_search:
        return None
    if options is None:
        return WebSearch()
    return WebSearch(options.max_results, tuple(options.allowed_domains), tuple(options.excluded_domains))


def _longest_answer(chat: ChatInput, model: catalogue.Model) -> int:
    limit = chat.max_tokens or settings.LLM_MAX_TOKENS
    return min(limit, model.max_completion_tokens or limit)


def _strategy(chat: ChatInput) -> Strategy:
    return chat.routing_strategy or cast(Strategy, settings.ROUTING_STRATEGY)


def _wished(chat: ChatInput) -> list[str]:
    """Return the names by which models were asked for, as they were written."""
    wished = settings.DEFAULT_FALLBACK_MODELS if chat.fallback_models is None else chat.fallback_models
    return [chat.model or settings.LLM_MODEL, *wished]


def request_stop(*, owner_id: uuid.UUID, turn_id: uuid.UUID) -> Turn:
    """Ask the turn's producer, wherever it runs, to stop. Raises NotFound. Harmless for a turn that has ended."""
    turn: Turn | None = Turn.objects.for_owner(owner_id).filter(id=turn_id).first()
    if turn is None:
        raise NotFound
    if turn.status == Turn.Status.RUNNING and turn.stop_requested_at is None:
        Turn.objects.filter(id=turn_id).update(stop_requested_at=timezone.now())
    return turn
