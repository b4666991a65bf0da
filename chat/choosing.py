"""The models as the page's picker shows them: names, prices for a million tokens, and what a plan lacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from billing.models import PlanLimit
from chat.models import Conversation
from chat.receipts import model_name
from presets import catalogue

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Choice:
    """One model. Prices are texts for a million tokens, empty where they are not known; so is `context`."""

    id: str
    name: str
    maker: str
    price_in: str
    price_out: str
    context: str
    cache: str  # as the catalogue says it: none, automatic, explicit, automatic+explicit
    is_default: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What the plan may use, and what a larger one would add; each by maker and name."""

    open: list[Choice]
    locked: list[Choice]

    @property
    def is_long(self) -> bool:
        """Whether a field to search in saves more than it takes."""
        return len(self.open) + len(self.locked) > 8


def choices(plan: PlanLimit) -> Choices:
    """Return the models to choose from; those that nobody may use are left out."""
    default = catalogue.find_default(allow_advanced=plan.advanced_models)
    listed = [model for model in catalogue.all_models() if model.chats and not model.blocked_reason]
    shown = _in_order(_choice(model, plan=plan, default_id=default.id if default else "") for model in listed)
    return Choices([each for each in shown if each.is_open], [each for each in shown if not each.is_open])


def chosen_name(conversation: Conversation | None) -> str:
    """Return the name of the model that the conversation keeps to, empty where it leaves the choice open."""
    if conversation is None or not conversation.model:
        return ""
    model = catalogue.get(conversation.model)
    return model_name(model.name or model.id) if model else model_name(conversation.model)


def _in_order(found: Iterable[Choice]) -> list[Choice]:
    """The usual one first: it is what most people look for."""
    return sorted(found, key=lambda each: (not each.is_default, each.maker.lower(), each.name.lower()))


def _choice(model: catalogue.Model, *, plan: PlanLimit, default_id: str) -> Choice:
    maker, _, name = (model.name or model.id).rpartition(": ")
    return Choice(
        id=model.id,
        name=name.rpartition("/")[2],
        maker=maker or model.id.partition("/")[0],
        price_in=per_million(model.prices.prompt),
        price_out=per_million(model.prices.completion),
        context=shortened_count(model.context_length),
        cache=model.cache_mode,
        is_default=model.id == default_id,
        is_open=model.may_be_used(allow_advanced=plan.advanced_models),
    )


def per_million(price: Decimal | None) -> str:
    """Return a price of one token as USD for a million: two places, or as many as it has."""
    if price is None:
        return ""
    amount = (price * _MILLION).normalize()
    places = max(2, -int(amount.as_tuple().exponent))
    return f"${amount:,.{min(places, 4)}f}"


def shortened_count(number: int | None) -> str:
    """Return a number of tokens in thousands or millions, as model lists write it."""
    if not number:
        return ""
    if number >= 1_000_000:
        return f"{number / 1_000_000:.2f}".rstrip("0").rstrip(".") + "M"
    return f"{round(number / 1000):,}K" if number >= 1000 else str(number)
