"""The models on offer, as a value kept in the process: a chat turn asks it without a query.

The copy is at most 30 s old; a change in this process ends it at once. Everything about which model may
be used by whom is decided here.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from billing.errors import FeatureRequired
from billing.models import Feature, PlanLimit
from presets import pricing
from presets.models import CatalogueModel
from presets.pricing import CacheLife, Override, Prices, TokenUsage
from wisqu.api.problems import FieldError, Invalid

logger = logging.getLogger(__name__)

FRESH_SECONDS = 30.0
NO_PRICE = "its price is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model. `is_known` is False for a name that only the configured server can know."""

    id: str
    canonical_slug: str = ""
    name: str = ""
    context_length: int | None = None
    max_completion_tokens: int | None = None
    input_modalities: tuple[str, ...] = ("text",)
    output_modalities: tuple[str, ...] = ("text",)
    supported_parameters: frozenset[str] = frozenset()
    prices: Prices = field(default_factory=Prices)
    overrides: tuple[Override, ...] = ()
    cache_mode: str = "none"
    cache_min_tokens: int | None = None
    advanced: bool = False
    is_listed: bool = True
    successor: str = ""
    blocked_reason: str = ""
    is_known: bool = True

    @property
    def gives_structure(self) -> bool:
        """Whether an answer of it can be bound to a JSON Schema; of a model that only its server knows, it is hoped."""
        return "structured_outputs" in self.supported_parameters or not self.is_known

    @property
    def calls_tools(self) -> bool:
        """Whether it can be given tools; of a model that nobody describes it is hoped."""
        return "tools" in self.supported_parameters or not self.supported_parameters

    @property
    def chats(self) -> bool:
        """Whether it takes text and gives text, and nothing but text: makers of images and sounds have other doors."""
        return "text" in self.input_modalities and self.output_modalities == ("text",)

    def may_be_used(self, *, allow_advanced: bool) -> bool:
        """Tell whether somebody with or without advanced models may use it."""
        return self.is_listed and not self.blocked_reason and (allow_advanced or not self.advanced)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    models: tuple[Model, ...]
    by_name: dict[str, Model] = field(repr=False)
    read_at: float


_snapshot: _Snapshot | None = None
_reading = threading.Lock()


def all_models() -> tuple[Model, ...]:
    """Return every model that is listed, by id; on a server of one's own just those that are configured."""
    found = _current()
    if is_server_of_ones_own() and settings.LLM_MODEL not in found.by_name:
        return tuple(_named(found, name) for name in _configured())
    return tuple(model for model in found.models if model.is_listed)


def get(model_id: str) -> Model | None:
    """Return the model of this id or dated slug; for a retired one the model that took its place.

    A name that the catalogue lacks is a model without prices where the server is not OpenRouter, else None.
    """
    found = _current()
    model = found.by_name.get(model_id)
    if model is None:
        return Model(id=model_id, name=model_id, is_known=False) if is_server_of_ones_own() else None
    if not model.is_listed and model.successor:
        return found.by_name.get(model.successor, model)
    return model


def require(model_id: str, *, plan: PlanLimit, field_name: str = "model") -> Model:
    """Return the model to chat with, or raise what the person is to be told.

    Invalid (422) for an unknown, retired or blocked one and for one that doesn't write text, FeatureRequired
    (403) for an advanced one that the plan does not have.
    """
    model = get(model_id)
    if model is None or not model.is_listed:
        raise _refused(field_name, "unknown_model", f"There is no model {model_id}.")
    if model.blocked_reason:
        raise _refused(field_name, "model_blocked", f"{model.id} can't be used: {model.blocked_reason}.")
    if not model.chats:
        raise _refused(field_name, "not_a_chat_model", f"{model.id} doesn't answer with text.")
    if model.advanced and not plan.advanced_models:
        raise FeatureRequired(feature=Feature.ADVANCED_MODELS, plan=plan)
    return model


def default_model(*, allow_advanced: bool, structured: bool = False) -> Model:
    """Return the model to use when nobody chose one, as `find_default` does.

    Raises Invalid (422) when there is no model at all that may be used.
    """
    model = find_default(allow_advanced=allow_advanced, structured=structured)
    if model is None:
        raise _refused("model", "no_model", "There is no model that your plan may use.")
    return model


def find_default(*, allow_advanced: bool, structured: bool = False) -> Model | None:
    """Return LLM_MODEL; where it may not be used, the first of DEFAULT_FALLBACK_MODELS that may.

    Where none of them may, the cheapest model that chats; None when there is none. `structured` asks for one that
    obeys a JSON Schema.
    """

    def is_usable(model: Model) -> bool:
        return model.may_be_used(allow_advanced=allow_advanced) and (model.gives_structure or not structured)

    for name in _configured():
        model = get(name)
        if model and is_usable(model):
            return model
    usable = [model for model in all_models() if model.chats and is_usable(model)]
    return min(usable, key=lambda model: (_per_token(model), model.id), default=None)


def is_same(one: str, other: str) -> bool:
    """Tell whether two names are of one model: its id, and the dated slug that answers come back with."""
    by_name = _current().by_name
    known = by_name.get(one)
    return one == other or (known is not None and known == by_name.get(other))


def cost(model: Model | str, usage: TokenUsage, *, cache_life: CacheLife = "5m") -> Decimal | None:
    """Return what the generation costs in USD by the catalogue, exactly; None for a model without prices.

    `model` is a value of this module or a name, as for `get`; here and in the next two.
    """
    return pricing.cost(_prices(model, usage), usage, cache_life=cache_life)


def cost_without_cache(model: Model | str, usage: TokenUsage) -> Decimal | None:
    """Return what it would have cost without prompt caching; None for a model without prices."""
    return pricing.cost_without_cache(_prices(model, usage), usage)


def savings(model: Model | str, usage: TokenUsage, *, cache_life: CacheLife = "5m") -> Decimal | None:
    """Return what prompt caching saved, in USD; None without prices or where nobody counted cached tokens."""
    return pricing.savings(_prices(model, usage), usage, cache_life=cache_life)


def invalidate() -> None:
    """Forget the copy; the next question reads the table."""
    global _snapshot
    _snapshot = None


def watch() -> None:
    """Forget the copy whenever a model is saved or deleted in this process."""
    post_save.connect(_changed, sender=CatalogueModel, dispatch_uid="catalogue")
    post_delete.connect(_changed, sender=CatalogueModel, dispatch_uid="catalogue")


def _changed(**kwargs: Any) -> None:
    # At once for whoever changed it, and again when everybody else can see it.
    invalidate()
    transaction.on_commit(invalidate)


def _current() -> _Snapshot:
    """Return a fresh snapshot. While one thread reads, the others go on with the old one."""
    global _snapshot
    known = _snapshot
    if known and time.monotonic() - known.read_at < FRESH_SECONDS:
        return known
    if not _reading.acquire(blocking=known is None):
        assert known
        return known
    try:
        now = time.monotonic()
        models = tuple(_value(row) for row in CatalogueModel.objects.order_by("slug"))
        by_name = {model.canonical_slug: model for model in models if model.canonical_slug}
        _snapshot = fresh = _Snapshot(models, by_name | {model.id: model for model in models}, now)
    finally:
        _reading.release()
    return fresh


def _value(row: CatalogueModel) -> Model:
    """Return the row as a value; whatever is wrong with its prices blocks it."""
    blocked = row.blocked_reason
    prices = Prices()
    overrides: tuple[Override, ...] = ()
    try:
        prices, overrides = prices_of(row)
    except pricing.BadPrice as bad:
        blocked = blocked or str(bad)
    if not blocked and (prices.prompt is None or prices.completion is None) and row.accepted_prices is None:
        blocked = NO_PRICE
    return Model(
        id=row.slug,
        canonical_slug=row.canonical_slug,
        name=row.name,
        context_length=row.context_length,
        max_completion_tokens=row.max_completion_tokens,
        input_modalities=tuple(row.input_modalities),
        output_modalities=tuple(row.output_modalities),
        supported_parameters=frozenset(row.supported_parameters),
        prices=prices,
        overrides=overrides,
        cache_mode=row.cache_mode,
        cache_min_tokens=row.cache_min_tokens,
        advanced=row.advanced,
        is_listed=row.is_listed,
        successor=row.successor,
        blocked_reason=blocked,
    )


def prices_of(row: CatalogueModel) -> tuple[Prices, tuple[Override, ...]]:
    """Return the row's prices and those of long prompts. Raises BadPrice; staff may have accepted absurd ones."""
    is_accepted = row.accepted_prices is not None
    values = {name: getattr(row, f"price_{name}") for name in pricing.PRICE_NAMES}
    prices = pricing.read_prices(values, is_accepted=is_accepted)
    return prices, pricing.read_overrides(row.overrides, prices, is_accepted=is_accepted)


def is_server_of_ones_own() -> bool:
    """Tell whether the server is not OpenRouter (nor its sandbox): it may know models that we don't."""
    if settings.OPENROUTER_API_KEY.startswith("sk-or-"):
        return False
    host = urlsplit(settings.OPENROUTER_BASE_URL).hostname or ""
    return host != "openrouter.ai" and not host.endswith(".openrouter.ai")


def _configured() -> list[str]:
    return list(dict.fromkeys([settings.LLM_MODEL, *settings.DEFAULT_FALLBACK_MODELS]))


def _named(found: _Snapshot, name: str) -> Model:
    return found.by_name.get(name) or Model(id=name, name=name, is_known=False)


def _prices(model: Model | str, usage: TokenUsage) -> Prices:
    found = _current().by_name.get(model) if isinstance(model, str) else model
    return pricing.prices_for(usage.prompt_tokens, found.prices, found.overrides) if found else Prices()


def _per_token(model: Model) -> Decimal:
    """Return what orders models by price; an unknown price is the dearest of all."""
    prompt, completion = model.prices.prompt, model.prices.completion
    return Decimal("Infinity") if prompt is None or completion is None else prompt + completion


def _refused(field_name: str, code: str, detail: str) -> Invalid:
    return Invalid(detail=detail, errors=[FieldError(field_name, code, detail)])
