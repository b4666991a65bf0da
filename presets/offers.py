"""What OpenRouter asks for a model today, and whether that can be believed. Pure: no tables, no settings.

A price that can't be believed is not used: it waits until staff have looked at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from presets import pricing
from presets.pricing import PRICE_NAMES, BadPrice, Override, Prices
from wisqu.openrouter.types import ModelInfo

# From one day to the next nobody raises a price this many times over, or lowers it to this part: somebody mistook a
# unit. Real cuts to a fifth have been seen; what is paid is said by each answer's usage, so a fall is no loss.
RISES_TOO_FAR = 5
FALLS_TOO_FAR = 100
_PER_MILLION = 1_000_000

Texts = dict[str, Any]  # price names to texts, and `overrides`: as JSON columns keep them


@dataclass(frozen=True, slots=True)
class Offer:
    """Prices as they were listed: `texts` always, as values only where nothing is wrong with them (`fault` empty)."""

    texts: Texts
    prices: Prices
    overrides: tuple[Override, ...]
    fault: str


def read(model: ModelInfo) -> Offer:
    """Return what the model is offered for."""
    texts: Texts = {name: _text(model.pricing[name]) for name in PRICE_NAMES if name in model.pricing}
    texts["overrides"] = [
        {
            "min_prompt_tokens": override.min_prompt_tokens,
            **{name: _text(override.pricing[name]) for name in PRICE_NAMES if name in override.pricing},
        }
        for override in model.price_overrides
    ]
    return from_texts(texts)


def from_texts(texts: Mapping[str, Any], *, is_accepted: bool = False) -> Offer:
    """Return an offer that was kept. Of an accepted one everything that a price column can hold is a value."""
    values = {name: texts.get(name) for name in PRICE_NAMES}
    overrides = texts.get("overrides", [])
    try:
        if not is_accepted:
            _refuse_unreadable(texts)
        prices = pricing.read_prices(values, is_accepted=is_accepted)
        return Offer(
            dict(texts), prices, pricing.read_overrides(overrides, prices, is_accepted=is_accepted), ""
        )
    except BadPrice as bad:
        return Offer(dict(texts), Prices(), (), str(bad))


def _refuse_unreadable(texts: Mapping[str, Any]) -> None:
    for each in (texts, *texts.get("overrides", [])):
        for name in PRICE_NAMES:
            if name in each and each[name] is None:
                raise BadPrice(f"the {name} price is below zero or not a number")
    for name in ("prompt", "completion"):
        if name not in texts:
            raise BadPrice(f"the {name} price is missing")


def jump(offer: Offer, *, prices: Prices, overrides: tuple[Override, ...]) -> str:
    """Return how the offer leaps away from the known prices, in words; empty where it does not."""
    for new, old in _pairs(offer, prices, overrides):
        for name in PRICE_NAMES:
            if said := _leap(name, getattr(old, name), getattr(new, name)):
                return said
    return ""


def _pairs(offer: Offer, prices: Prices, overrides: tuple[Override, ...]) -> Iterator[tuple[Prices, Prices]]:
    """Yield new and old prices for short prompts, and for those of each length from which others hold."""
    yield offer.prices, prices
    for override in offer.overrides:
        yield override.prices, pricing.prices_for(override.min_prompt_tokens + 1, prices, overrides)


def _leap(name: str, old: Decimal | None, new: Decimal | None) -> str:
    if old is None or new is None or old == new:
        return ""
    is_base = name in ("prompt", "completion")
    if new >= old * RISES_TOO_FAR:
        return f"the {name} price rose from {_said(name, old)} to {_said(name, new)}"
    if is_base and new <= old / FALLS_TOO_FAR:
        return f"the {name} price fell from {_said(name, old)} to {_said(name, new)}"
    return ""


def _said(name: str, price: Decimal) -> str:
    if name == "request":
        return f"{_text(price)} USD a request"
    return f"{_text((price * _PER_MILLION).normalize())} USD a million tokens"


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:f}"
