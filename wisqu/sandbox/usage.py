"""What a generation used and what it costs: exact Decimal arithmetic, nothing rounded."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from wisqu.sandbox.catalogue import Model, Prices

ZERO = Decimal(0)


@dataclass(slots=True)
class Usage:
    """Tokens; `cached` and `written*` are inside `prompt`, `reasoning` and `image` inside `completion`."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    written_5m: int = 0
    written_1h: int = 0
    reasoning: int = 0
    image: int = 0
    audio_in: int = 0
    searches: int = 0
    fees: Decimal = ZERO

    @property
    def written(self) -> int:
        return self.written_5m + self.written_1h


@dataclass(frozen=True, slots=True)
class Cost:
    """USD: what the prompt and the completion cost upstream, the plugins' fees, and what caching saved."""

    prompt: Decimal
    completion: Decimal
    fees: Decimal
    cache_discount: Decimal

    @property
    def upstream(self) -> Decimal:
        return self.prompt + self.completion

    @property
    def total(self) -> Decimal:
        return self.upstream + self.fees


def _write_prices(model: Model, prices: Prices) -> tuple[Decimal, Decimal]:
    if prices.cache_write is None:
        return prices.prompt, prices.prompt
    # Google's listed write price is the storage alone: it comes on top of the input price.
    short = prices.prompt + prices.cache_write if model.family == "google" else prices.cache_write
    return short, short if prices.cache_write_1h is None else prices.cache_write_1h


def cost(model: Model, usage: Usage) -> Cost:
    """The price of `usage` on `model`."""
    prices = model.prices_at(usage.prompt)
    read = prices.prompt if prices.cache_read is None else prices.cache_read
    short, hour = _write_prices(model, prices)
    plain = usage.prompt - usage.cached - usage.written
    caching = usage.cached * read + usage.written_5m * short + usage.written_1h * hour
    image = prices.completion if prices.image_output is None else prices.image_output
    return Cost(
        prompt=plain * prices.prompt + caching,
        completion=(usage.completion - usage.image) * prices.completion + usage.image * image,
        fees=usage.fees,
        cache_discount=(usage.cached + usage.written) * prices.prompt - caching,
    )


def as_json(model: Model, usage: Usage) -> dict[str, Any]:
    """The `usage` object of a completion."""
    price = cost(model, usage)
    body: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "cost": price.total,
        "is_byok": False,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.written,
            "audio_tokens": usage.audio_in,
            "video_tokens": 0,
        },
        "cost_details": {
            "upstream_inference_cost": price.upstream,
            "upstream_inference_prompt_cost": price.prompt,
            "upstream_inference_completions_cost": price.completion,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "image_tokens": usage.image,
            "audio_tokens": 0,
        },
    }
    if usage.searches:
        body["server_tool_use_details"] = {"web_search_requests": usage.searches}
    return body
