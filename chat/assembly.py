"""From a question and its branch to the prompt that is sent: the history that fits, and where cache points stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

import msgspec
from django.conf import settings
from django.utils import timezone

from billing.models import Feature, PlanLimit
from chat import guidance, habits, prompts
from chat.caching import Placement, Warm, place, unmarked
from chat.enclosing import Files, Sent, Way, dress, enclose, refuse_unreadable
from chat.inputs import ChatInput
from chat.models import Message
from chat.outlook import expect
from presets import catalogue, pricing, standing
from presets.tokens import estimate, estimate_standing
from wisqu.openrouter.traits import CacheTraits, cache_traits
from wisqu.openrouter.types import CachePoint, TextPart
from wisqu.openrouter.types import Message as WireMessage


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is sent, how many messages of the history did not fit, and the estimates in tokens."""

    messages: tuple[WireMessage, ...]
    cut: int
    tokens: int
    question_tokens: int
    placement: Placement = field(default_factory=Placement)
    files: Sent = field(default_factory=Sent)
    beside: str = ""  # the guidance that the question was sent with

    @property
    def breakpoints(self) -> list[dict[str, int | str]]:
        """The marks as an answer keeps them."""
        marks = self.placement.marks
        return [{"message": mark.message, "ttl": mark.ttl, "tokens": mark.tokens} for mark in marks]


def assemble(
    plan: PlanLimit,
    model: catalogue.Model,
    chat: ChatInput,
    parent: Message | None,
    *,
    habit: str = "",
    files: Files | None = None,
    beside: str = "",
) -> Prompt:
    """Return the prompt for a question after `parent`. Raises Problem 400 `context_exceeded`.

    `habit` is the preset whose conversations tell how this one may go on, `files` are those of the question,
    `beside` is the guidance for it.
    """
    system_prompt = chat.system_prompt or standing.system_prompt()
    context = min(plan.max_context, model.context_length or plan.max_context)
    files, way = files or Files(), Way(plan, model, context)
    refuse_unreadable(files.attached, way)
    system_tokens = estimate_standing(system_prompt)
    question = guidance.told(chat.message, beside)
    question_tokens = estimate(question) + enclose(files.attached, way).tokens
    budget = prompts.history_budget(
        context=context, system_tokens=system_tokens, question_tokens=question_tokens
    )
    history = Message.objects.branch(parent.id, token_budget=budget) if parent else []
    lines = prompts.from_first_question(
        [
            prompts.Line(
                message.role,
                guidance.told(message.content, message.guidance),
                message.token_estimate,
                message.attached,
            )
            for message in history
        ]
    )
    dressed = dress(files, way, lines, question)
    used = history[0].total if history else 0  # type: ignore[attr-defined]
    prompt = Prompt(
        messages=prompts.build(system_prompt=system_prompt, history=dressed.lines, question=dressed.question),
        cut=parent.depth + 1 - len(lines) if parent else 0,
        tokens=used + system_tokens + question_tokens + 2 * prompts.MESSAGE_OVERHEAD,
        question_tokens=question_tokens,
        files=dressed.sent,
        beside=beside,
    )
    if not may_cache(plan, chat):
        prices = pricing.prices_for(prompt.tokens, model.prices, model.overrides)
        return replace(prompt, placement=unmarked(traits=traits_of(model), prices=prices))
    sizes = [system_tokens, *(line.tokens for line in lines if line.content), question_tokens]
    sizes = [size + prompts.MESSAGE_OVERHEAD for size in sizes]
    return _marked(prompt, sizes, model, parent, history, habit)


def may_cache(plan: PlanLimit, chat: ChatInput) -> bool:
    """Tell whether this question may be sent with cache points: settings, plan and wish allow it."""
    is_on = settings.PROMPT_CACHING_ENABLED and settings.CACHE_CONTROL_STRATEGY != "off"
    return bool(is_on and chat.enable_caching and plan.has(Feature.PROMPT_CACHING))


def _marked(
    prompt: Prompt,
    sizes: Sequence[int],
    model: catalogue.Model,
    parent: Message | None,
    history: Sequence[Message],
    habit: str,
) -> Prompt:
    now = timezone.now()
    traits = traits_of(model)
    placement = place(
        sizes=sizes,
        traits=traits,
        prices=pricing.prices_for(sum(sizes), model.prices, model.overrides),
        outlook=expect(
            habits=habits.current(),
            prefix_tokens=sum(sizes),
            turn=(parent.depth + 1) // 2 + 1 if parent else 1,
            pauses=_pauses(history, now),
            preset=habit,
        ),
        warm=_warm(parent, model, traits, now),
        scope="system" if settings.CACHE_CONTROL_STRATEGY == "system" else "auto",
        history_is_cut=prompt.cut > 0,
    )
    return replace(prompt, messages=with_marks(prompt.messages, placement), placement=placement)


def traits_of(model: catalogue.Model) -> CacheTraits:
    """Return what the model supports of caching: the catalogue's word, or the family's rule.

    The rule fills what the catalogue does not know, or prices but does not describe.
    """
    is_silent = not model.is_known or (
        model.cache_mode == "none" and model.prices.input_cache_read is not None
    )
    return cache_traits(
        model.id,
        mode="" if is_silent else model.cache_mode,
        min_tokens=model.cache_min_tokens,
        fallback_min_tokens=settings.CACHE_MIN_TOKENS,
    )


def _pauses(history: Sequence[Message], now: datetime) -> list[float]:
    """Return the seconds between the questions of the branch, the present one included."""
    asked = [message.created_at for message in history if message.role == Message.Role.USER]
    return [(later - earlier).total_seconds() for earlier, later in pairwise([*asked, now])]


def _warm(parent: Message | None, model: catalogue.Model, traits: CacheTraits, now: datetime) -> Warm | None:
    """Return what the answer before left in the cache of this model, as far as its provider's counts allow."""
    if parent is None or parent.fallback_used or parent.model != model.id or parent.prompt_tokens is None:
        return None
    age_s = (now - parent.created_at).total_seconds()
    if traits.automatic:
        is_cached = bool(parent.cached_tokens_read or parent.cached_tokens_written)
        return Warm(0, "5m", age_s=age_s) if is_cached else None
    # After a look-up nobody has said what was written, which is not the same as nothing.
    is_empty = parent.cached_tokens_written == 0 and not parent.cached_tokens_read
    if is_empty or not parent.cache_breakpoints:
        return None
    mark = parent.cache_breakpoints[-1]
    return Warm(mark["message"], mark["ttl"], age_s=age_s, tokens=mark["tokens"])


def with_marks(messages: Sequence[WireMessage], placement: Placement) -> tuple[WireMessage, ...]:
    """Return the messages with a cache point on the last part of each that is marked; no text changes."""
    marked = list(messages)
    for mark in placement.marks:
        *parts, last = marked[mark.message].parts
        if isinstance(last, TextPart) and last.text:
            point = TextPart(last.text, CachePoint(mark.ttl))
            marked[mark.message] = msgspec.structs.replace(marked[mark.message], parts=(*parts, point))
    return tuple(marked)
