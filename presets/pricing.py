"""What a generation costs, exactly, from a model's prices. Pure: no tables, no settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, Protocol

# Ten thousand USD for a million tokens: no model has come near it; such a price is a mistake or an attack.
ABSURD_PER_TOKEN = Decimal("0.01")
ABSURD_PER_REQUEST = Decimal(100)

CacheLife = Literal["5m", "1h"]


class TokenUsage(Protocol):
    """What is read of a usage; cached tokens are part of `prompt_tokens`, None where nobody counted them."""

    @property
    def prompt_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...
    @property
    def cached_tokens_read(self) -> int | None: ...
    @property
    def cached_tokens_written(self) -> int | None: ...


class BadPrice(ValueError):
    """A price that can't be: negative, not a number, absurd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """USD per token, `request` per request. None is unknown."""

    prompt: Decimal | None = None
    completion: Decimal | None = None
    input_cache_read: Decimal | None = None
    input_cache_write: Decimal | None = None
    input_cache_write_1h: Decimal | None = None
    image_output: Decimal | None = None
    request: Decimal | None = None


PRICE_NAMES = tuple(field.name for field in fields(Prices))


@dataclass(frozen=True, slots=True)
class Override:
    """Prices that hold for prompts of more tokens than `min_prompt_tokens`."""

    min_prompt_tokens: int
    prices: Prices


def read_price(name: str, value: object, *, is_accepted: bool = False) -> Decimal | None:
    """Return a price as OpenRouter writes it (a text), None where there is none; raise BadPrice.

    Staff may accept a price that would be absurd; none that is below zero.
    """
    if value is None or value == "":
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        raise BadPrice(f"the {name} price is not a number") from None
    if not price.is_finite() or price < 0:
        raise BadPrice(f"the {name} price is below zero or not a number")
    if price > (ABSURD_PER_REQUEST if name == "request" else ABSURD_PER_TOKEN) and not is_accepted:
        raise BadPrice(f"the {name} price is absurd")
    return price


def read_prices(values: Mapping[str, Any], *, is_accepted: bool = False) -> Prices:
    """Return the prices of a mapping of names to texts; raises BadPrice."""
    found = {name: read_price(name, values.get(name), is_accepted=is_accepted) for name in PRICE_NAMES}
    return Prices(**found)


def read_overrides(values: object, base: Prices, *, is_accepted: bool = False) -> tuple[Override, ...]:
    """Return the overrides, the highest threshold first; what one doesn't name stays as in `base`.

    Raises BadPrice for any form that isn't a list of prices with a threshold.
    """
    if not isinstance(values, list):
        raise BadPrice("the overrides are not a list")
    found = []
    for value in values:
        threshold = value.get("min_prompt_tokens") if isinstance(value, dict) else None
        if not isinstance(threshold, int) or threshold < 0:
            raise BadPrice("an override has no threshold")
        given = read_prices(value, is_accepted=is_accepted)
        named = {name: price for name in PRICE_NAMES if (price := getattr(given, name)) is not None}
        found.append(Override(threshold, replace(base, **named)))
    return tuple(sorted(found, key=lambda override: -override.min_prompt_tokens))


def prices_for(prompt_tokens: int, base: Prices, overrides: tuple[Override, ...]) -> Prices:
    """Return the prices that hold for a prompt of this length."""
    for override in overrides:
        if prompt_tokens > override.min_prompt_tokens:
            return override.prices
    return base


def cost(prices: Prices, usage: TokenUsage, *, cache_life: CacheLife = "5m") -> Decimal | None:
    """Return the exact cost in USD; None when the prompt or completion price is unknown.

    Cached tokens without a price of their own cost what other prompt tokens do.
    """
    if prices.prompt is None or prices.completion is None:
        return None
    read, written = usage.cached_tokens_read or 0, usage.cached_tokens_written or 0
    plain = max(0, usage.prompt_tokens - read - written)
    long_write = prices.input_cache_write_1h if cache_life == "1h" else None
    return (
        plain * prices.prompt
        + read * _known(prices.input_cache_read, or_else=prices.prompt)
        + written * _known(long_write, prices.input_cache_write, or_else=prices.prompt)
        + usage.completion_tokens * prices.completion
        + (prices.request or 0)
    )


def cost_without_cache(prices: Prices, usage: TokenUsage) -> Decimal | None:
    """Return what the same generation would have cost had nothing been cached; None as in `cost`."""
    if prices.prompt is None or prices.completion is None:
        return None
    tokens = usage.prompt_tokens * prices.prompt + usage.completion_tokens * prices.completion
    return tokens + (prices.request or 0)


def savings(prices: Prices, usage: TokenUsage, *, cache_life: CacheLife = "5m") -> Decimal | None:
    """Return what caching saved, below zero when writing cost more; None without prices or cache counts."""
    if usage.cached_tokens_read is None and usage.cached_tokens_written is None:
        return None
    paid, full = cost(prices, usage, cache_life=cache_life), cost_without_cache(prices, usage)
    return None if paid is None or full is None else full - paid


def _known(*prices: Decimal | None, or_else: Decimal) -> Decimal:
    """Return the first price that is known: zero is one."""
    return next((price for price in prices if price is not None), or_else)
