"""Who is asked when a model can't answer: which models, in which order, how long each may take, when to give up.

OpenRouter is sent the whole list and tries the next model itself, before the first word. What it can't help (an answer
that breaks off, silence, a refused payment, a model that is gone, trouble of its own) is helped here: the next model is
asked, once through the list, and once more while there is time. `docs/decisions/0011-fallback-of-our-own.md` has the
reasons.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
from django.conf import settings

from billing.models import PlanLimit
from chat import providers
from presets import catalogue
from wisqu.openrouter import errors
from wisqu.openrouter.breaker import Breakers
from wisqu.openrouter.deadlines import Deadlines
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.routing import Strategy, preferences
from wisqu.openrouter.types import ChatRequest, MaxPrice, ProviderPreferences, WebSearch
from wisqu.telemetry import metrics

_PASSES = 2
_MILLION = 1_000_000
# Prices below ten cents a million are as good as none: a free model may be helped out by a cheap one.
_CHEAP = Decimal("0.0000001")
# Payment and permission may differ from model to model; a wrong key or address does not.
_OF_THE_ACCOUNT = (402, 403)
_AGAINST_A_MODEL = (
    errors.RateLimited,
    errors.UpstreamUnavailable,
    errors.UpstreamTimeout,
    errors.Interrupted,
    errors.MalformedReply,
    errors.ModelUnavailable,
)
_REASONS: tuple[tuple[type[OpenRouterError], str], ...] = (
    (errors.Interrupted, "broke off"),
    (errors.UpstreamTimeout, "took too long"),
    (errors.RateLimited, "receives too many requests"),
    (errors.MalformedReply, "sent an unreadable answer"),
    (OpenRouterError, "was not available"),
)


class EmptyAnswer(OpenRouterError):
    """The model ended without a word."""

    code = "empty_answer"
    wording = "The model gave no answer."


class Patience(msgspec.Struct, frozen=True):
    """All in seconds. `hurried` is for models after which another one waits, `rushed` for those that failed lately.

    `silence` is how long a reader may have seen nothing new before no further model is asked, `turn` how long all of
    it may take, `pause` the least before the second time through the list, `longest_pause` the most.
    """

    usual: Deadlines = Deadlines()
    hurried: Deadlines = Deadlines(first_byte=15.0, silence=30.0)
    rushed: Deadlines = Deadlines(first_byte=5.0, silence=15.0)
    silence: float = 90.0
    turn: float = 600.0
    pause: float = 0.5
    longest_pause: float = 5.0


# Shared by all turns of this process.
breakers = Breakers(on_change=metrics.breaker_changed)
PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may answer, and the request it is sent. `note` says which retired one it stands for, if it does."""

    request: ChatRequest
    slug: str = ""
    note: str = ""

    @property
    def id(self) -> str:
        """The model's id."""
        return self.request.model


def fallbacks(
    plan: PlanLimit, model: catalogue.Model, wished: Sequence[str] | None, *, prompt_tokens: int
) -> tuple[str, ...]:
    """Return the ids of the models to try after `model`, as far as plan, price ceiling and context allow.

    Of the site's own list (`wished` None) others are left out. Of a person's list a model beyond the plan, or unknown,
    is refused: `catalogue.require` raises.
    """
    if not settings.MODEL_ROUTING_ENABLED:
        return ()
    if wished is not None:
        found = [catalogue.require(name, plan=plan, field_name="fallback_models") for name in wished]
    else:
        known = [catalogue.get(name) for name in settings.DEFAULT_FALLBACK_MODELS]
        allowed = [item for item in known if item and item.may_be_used(allow_advanced=plan.advanced_models)]
        found = [item for item in allowed if item.chats]
    fit = [
        item.id
        for item in found
        if is_affordable(item, instead_of=model) and (item.context_length or prompt_tokens) >= prompt_tokens
    ]
    return tuple(name for name in dict.fromkeys(fit) if name != model.id)


def is_affordable(model: catalogue.Model, *, instead_of: catalogue.Model) -> bool:
    """Tell whether the model costs at most FALLBACK_PRICE_FACTOR times what the other one does."""
    most = price_ceiling(instead_of)
    if most is None:
        return True
    prompt, completion = model.prices.prompt, model.prices.completion
    if prompt is None or completion is None:
        return False
    return prompt * _MILLION <= most.prompt and completion * _MILLION <= most.completion


def price_ceiling(model: catalogue.Model) -> MaxPrice | None:
    """Return what a token may cost when another model answers instead; None where the price is not known."""
    prompt, completion = model.prices.prompt, model.prices.completion
    if prompt is None or completion is None:
        return None
    factor = settings.FALLBACK_PRICE_FACTOR * _MILLION
    return MaxPrice(prompt=max(prompt, _CHEAP) * factor, completion=max(completion, _CHEAP) * factor)


def provider_preferences(
    strategy: Strategy, model: catalogue.Model, *, has_fallbacks: bool, holds_cache: str = ""
) -> ProviderPreferences | None:
    """Return what to ask of OpenRouter's choice of a provider. `holds_cache` served this conversation last.

    With fallbacks their price ceiling is told too: a catalogue of yesterday may know yesterday's prices.
    """
    if not settings.MODEL_ROUTING_ENABLED:
        return None
    endpoints = providers.known(model.id) if strategy == "uptime" else ()
    ceiling = price_ceiling(model) if has_fallbacks else None
    return preferences(strategy, endpoints=endpoints, holds_cache=holds_cache, max_price=ceiling)


def candidates(request: ChatRequest, *, strategy: Strategy, wished: Sequence[str]) -> tuple[Candidate, ...]:
    """Return the chain of a request: its model, then its fallbacks, each with the request that asks it first.

    `wished` are the names that settings or the person used, the first one for the first model: one that is not a
    model's own was retired, one that nobody knows is gone.
    """
    names = (request.model, *request.fallback_models)
    notes = {model.id: _retired(name, model) for name in wished if (model := catalogue.get(name))}
    if not is_offered(wished[0]):
        notes[request.model] = f"{wished[0]} was not available"
    found = []
    for place, name in enumerate(names):
        model = catalogue.get(name)
        own = request if place == 0 else _asked_of(name, model, request, names[place + 1 :], strategy)
        found.append(Candidate(own, model.canonical_slug if model else "", notes.get(name, "")))
    return tuple(found)


def is_offered(name: str | None) -> bool:
    """Tell whether the catalogue has the model, or one that took its place. No name is as good as any."""
    if not name:
        return True
    model = catalogue.get(name)
    return model is not None and model.is_listed


def _retired(name: str, model: catalogue.Model) -> str:
    is_own = name in (model.id, model.canonical_slug)
    return "" if is_own else f"{name} was retired, its successor is {model.id}"


def _asked_of(
    name: str, model: catalogue.Model | None, first: ChatRequest, after: tuple[str, ...], strategy: Strategy
) -> ChatRequest:
    most = model.max_completion_tokens if model else None
    provider = first.provider
    if strategy == "uptime" and provider is not None:
        provider = preferences(strategy, endpoints=providers.known(name), max_price=provider.max_price)
    return msgspec.structs.replace(
        first,
        model=name,
        fallback_models=after,
        provider=provider,
        web_search=search_for(first.web_search, (name, *after)),
        max_tokens=min(first.max_tokens, most) if first.max_tokens and most else first.max_tokens,
    )


def search_for(wanted: WebSearch | None, names: Sequence[str]) -> WebSearch | None:
    """Return the search in the form that all of these models take: the tool, or the plugin where one calls none."""
    if wanted is None:
        return None
    models = [catalogue.get(name) for name in names]
    as_plugin = not all(model.calls_tools for model in models if model)
    return msgspec.structs.replace(wanted, as_plugin=as_plugin)


@dataclass(frozen=True, slots=True)
class Step:
    """What to ask next, after so many seconds. `max_retries` None is the client's own number."""

    candidate: Candidate
    request: ChatRequest
    deadlines: Deadlines
    max_retries: int | None = 0
    pause: float = 0.0


@dataclass
class Course:
    """One question's way through its candidates. Tells what to ask next, and keeps what became of it."""

    candidates: Sequence[Candidate]
    breakers: Breakers = field(default_factory=lambda: breakers)
    patience: Patience = field(default_factory=lambda: PATIENCE)
    clock: Callable[[], float] = time.monotonic
    attempted: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    begins_with: str = ""  # who is asked first the first time, if not the first one

    def __post_init__(self) -> None:
        self._began = self._heard_at = self.clock()
        self._passes = _PASSES if len(self.candidates) > 1 else 1
        first = self.id_of(self.begins_with)
        self._queue = sorted(self.candidates, key=lambda each: each.id != first)
        self._asked: tuple[str, ...] = ()  # who is being asked right now
        self._retry_after = 0.0

    # --- what to ask ---

    def next(self) -> Step | None:
        """Return what to ask now; None when every model was asked often enough, or time is up."""
        pause = 0.0
        while not self._is_too_late(pause):
            if not self._queue:
                self._passes -= 1
                if self._passes <= 0:
                    return None
                self._queue = list(self.candidates)
                pause = min(max(self._retry_after, self._backoff()), self.patience.longest_pause)
                continue
            candidate = self._queue.pop(0)
            is_failing = not self.breakers.is_closed(candidate.id)
            if self._all_failing() or not self.breakers.is_open(candidate.id):
                self._asked = (candidate.id,)
                return self._step(candidate, is_rushed=is_failing, pause=pause)
            self._note(f"{candidate.id} has been failing lately")
        return None

    def _all_failing(self) -> bool:
        """Tell whether there is nobody in good standing now. Then all are asked: somebody has to be."""
        return not any(self.breakers.is_closed(each.id) for each in self.candidates)

    def _backoff(self) -> float:
        # Spread out, so that turns that failed together do not come back together.
        return self.patience.pause * random.uniform(0.75, 1.25)  # noqa: S311

    def _is_too_late(self, pause: float) -> bool:
        now = self.clock() + pause
        return bool(self.attempted) and (
            now - self._heard_at >= self.patience.silence or now - self._began >= self.patience.turn
        )

    def _step(self, candidate: Candidate, *, is_rushed: bool, pause: float) -> Step:
        request = candidate.request
        if len(self.candidates) == 1:
            return Step(candidate, request, self._bounded(self.patience.usual), max_retries=None, pause=pause)
        standing = tuple(name for name in request.fallback_models if self.breakers.is_closed(name))
        is_last = not self._queue and self._passes == 1
        deadlines = self.patience.usual if is_last else self.patience.hurried
        if is_rushed:
            deadlines = self.patience.rushed
        request = msgspec.structs.replace(request, fallback_models=standing)
        return Step(candidate, request, self._bounded(deadlines), pause=pause)

    def _bounded(self, deadlines: Deadlines) -> Deadlines:
        left = self.patience.turn - (self.clock() - self._began)
        return msgspec.structs.replace(deadlines, total=max(0.001, min(deadlines.total, left)))

    # --- what became of it ---

    @property
    def models_attempted(self) -> tuple[str, ...]:
        """The models that were asked, in order, each once; the one that is being asked, too."""
        return tuple(dict.fromkeys((*self.attempted, *self._asked)))

    def heard(self) -> None:
        """Note that the reader was given something."""
        self._heard_at = self.clock()

    def failed(self, step: Step, error: OpenRouterError, *, served: str | None, has_words: bool) -> bool:
        """Note how a model failed; `served` is who had begun to answer. Return whether to go on with another one."""
        against = isinstance(error, (*_AGAINST_A_MODEL, EmptyAnswer))
        asked = (step.request.model, *step.request.fallback_models)
        if served is not None:
            tried = self._up_to(asked, self.id_of(served))
        else:
            # OpenRouter went through the whole list, unless it was never reached.
            went_through = isinstance(error, _AGAINST_A_MODEL) and error.status is not None
            tried = asked if went_through else asked[:1]
        self._attempted(tried)
        if against:
            blamed = tried if served is not None else asked[:1]
            for name in blamed:
                self.breakers.failed(name)
        self._retry_after = max(self._retry_after, error.retry_after or 0.0)
        self._note(f"{tried[-1] if served else tried[0]} {_reason(error)}")
        return _can_be_helped(error, has_words=has_words) and len(self.candidates) > 1

    def answered(self, step: Step, *, served: str | None, tried: Sequence[str]) -> None:
        """Note who answered; `tried` are the models that OpenRouter says it asked, if it said so."""
        asked = (step.request.model, *step.request.fallback_models)
        final = self.id_of(served) if served else asked[0]
        names = tuple(map(self.id_of, tried)) or self._up_to(asked, final)
        self._attempted(names)
        for name in names:
            if name != final:
                self.breakers.failed(name)
                self._note(f"{name} was not available")
        self.breakers.answered(final)

    def id_of(self, name: str) -> str:
        """Return the id of a candidate by its id or dated slug, which not every model has; another name as it is."""
        return next((each.id for each in self.candidates if name and name in (each.id, each.slug)), name)

    def reason(self, served: str) -> str:
        """Return why the answer is from whom it is from, as a sentence; empty where all went as asked."""
        final, first = self.id_of(served), self.candidates[0]
        notes = list(self.notes)
        served_by = [each for each in self.candidates if each.id == final]
        for each in {each.id: each for each in (first, *served_by)}.values():
            if each.note:
                notes.insert(0, each.note)
        return "; ".join(notes)[:500]

    def _up_to(self, asked: tuple[str, ...], last: str) -> tuple[str, ...]:
        return asked[: asked.index(last) + 1] if last in asked else (*asked[:1], last)

    def _attempted(self, names: Sequence[str]) -> None:
        self._asked = ()
        self.attempted += [name for name in names if name not in self.attempted]

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _can_be_helped(error: OpenRouterError, *, has_words: bool) -> bool:
    """Tell whether another model may do better.

    A request that is wrong is wrong for all, unless it is our own: some models refuse to go on with an answer.
    """
    if isinstance(error, errors.OperatorError):
        return error.status in _OF_THE_ACCOUNT
    if isinstance(error, errors.InvalidRequest):
        return has_words
    return isinstance(error, (*_AGAINST_A_MODEL, EmptyAnswer))


def _reason(error: OpenRouterError) -> str:
    if isinstance(error, EmptyAnswer):
        return "gave no answer"
    return next(words for kind, words in _REASONS if isinstance(error, kind))
