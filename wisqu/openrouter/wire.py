"""OpenRouter's JSON to our values; `encoding` goes the other way.

The structs name only the fields that are used: msgspec skips the rest without building objects. What a chat
depends on is typed strictly; decoration (annotations, routing metadata) is read leniently, so that a
server's oddity there never costs an answer.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from wisqu.openrouter.errors import MalformedReply
from wisqu.openrouter.types import Citation, Generation, ModelInfo, PriceOverride, Usage

Json = dict[str, Any]
T = TypeVar("T")

# What a server may send and still be read: an exotic exponent must not become a sum with a million digits.
_LARGEST_SUM = Decimal(1_000_000)


# --- answers ----------------------------------------------------------------------------------------------


class _PromptDetails(Struct, gc=False):
    cached_tokens: int | float | None = None
    cache_write_tokens: int | float | None = None


class _CompletionDetails(Struct, gc=False):
    reasoning_tokens: int | float | None = None


class WireUsage(Struct):
    prompt_tokens: int | float | None = None
    completion_tokens: int | float | None = None
    total_tokens: int | float | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    cost: Decimal | None = None
    cost_details: Any = None
    is_byok: Any = None
    server_tool_use_details: Any = None
    server_tool_use: Any = None  # as the documentation still spells it


class WireText(Struct):
    """The `delta` of a chunk, and the `message` of an answer sent whole."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None  # how llama.cpp, vLLM and DeepSeek spell it
    refusal: str | None = None
    annotations: Any = None


class WireChoice(Struct):
    delta: WireText | None = None
    message: WireText | None = None
    finish_reason: str | None = None
    native_finish_reason: Any = None
    error: Any = None


class Chunk(Struct):
    id: str | None = None
    model: str | None = None
    provider: Any = None
    choices: list[WireChoice] | None = None
    usage: WireUsage | None = None
    error: Any = None
    openrouter_metadata: Any = None


decode_chunk = msgspec.json.Decoder(Chunk).decode


def usage_from(wire: WireUsage) -> Usage | None:
    """None when the server sent a usage object that says nothing."""
    if wire.prompt_tokens is None and wire.completion_tokens is None and wire.cost is None:
        return None
    prompt, completion = _count(wire.prompt_tokens) or 0, _count(wire.completion_tokens) or 0
    cached = wire.prompt_tokens_details or _PromptDetails()
    reasoning = wire.completion_tokens_details or _CompletionDetails()
    total = _count(wire.total_tokens)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        reasoning_tokens=_count(reasoning.reasoning_tokens) or 0,
        total_tokens=prompt + completion if total is None else total,
        cached_tokens_read=_count(cached.cached_tokens),
        cached_tokens_written=_count(cached.cache_write_tokens),
        cost_usd=_price(wire.cost),
        web_searches=_whole(
            _member(wire.server_tool_use_details or wire.server_tool_use, "web_search_requests")
        ),
        fees_usd=_fees(wire),
    )


def _fees(wire: WireUsage) -> Decimal | None:
    """What was charged beyond the model's own price; the details leave the fees of tools out."""
    cost, own = _price(wire.cost), _price(_member(wire.cost_details, "upstream_inference_cost"))
    if cost is None or own is None or wire.is_byok:
        return None
    return max(Decimal(0), cost - own)


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def citations_from(annotations: object) -> list[Citation]:
    """The web citations among a message's annotations; anything but a http(s) address is dropped."""
    found: list[Citation] = []
    for annotation in annotations if isinstance(annotations, list) else ():
        source = annotation.get("url_citation") if isinstance(annotation, dict) else None
        url = source.get("url") if isinstance(source, dict) else None
        if isinstance(source, dict) and isinstance(url, str) and url.startswith(("https://", "http://")):
            title = source.get("title")
            start, end = _whole(source.get("start_index")) or 0, _whole(source.get("end_index")) or 0
            found.append(Citation(url, title if isinstance(title, str) else "", start, end))
    return found


def files_from(annotations: object) -> list[Json]:
    """What the server's parser made of files, as it says it: sent back, a file is not parsed again."""
    found = annotations if isinstance(annotations, list) else ()
    return [
        each
        for each in found
        if isinstance(each, dict) and each.get("type") == "file" and isinstance(each.get("file"), dict)
    ]


def models_attempted(metadata: object) -> tuple[str, ...]:
    """The models that OpenRouter tried, in order, each once; empty when it did not say."""
    attempts = metadata.get("attempts") if isinstance(metadata, dict) else None
    names = (attempt.get("model") for attempt in attempts or () if isinstance(attempt, dict))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


# --- catalogue and look-up --------------------------------------------------------------------------------


class _Links(Struct):
    next: str | None = None


class _ModelPage(Struct):
    data: list[msgspec.Raw]
    links: _Links | None = None


class _WireArchitecture(Struct):
    input_modalities: tuple[str, ...] | None = None
    output_modalities: tuple[str, ...] | None = None


class _WireTopProvider(Struct):
    max_completion_tokens: int | None = None


class _WireModel(Struct):
    id: str
    canonical_slug: str | None = None
    name: str | None = None
    context_length: int | None = None
    architecture: _WireArchitecture | None = None
    top_provider: _WireTopProvider | None = None
    pricing: dict[str, Any] | None = None
    supported_parameters: tuple[str, ...] | None = None


class _WireGeneration(Struct):
    id: str
    model: str | None = None
    provider_name: str | None = None
    finish_reason: str | None = None
    native_tokens_prompt: int | None = None
    native_tokens_completion: int | None = None
    native_tokens_reasoning: int | None = None
    native_tokens_cached: int | None = None
    tokens_prompt: int | None = None
    tokens_completion: int | None = None
    total_cost: Decimal | None = None
    cache_discount: Decimal | None = None


class _GenerationReply(Struct):
    data: _WireGeneration


def decode_models(body: bytes) -> tuple[list[ModelInfo], str | None]:
    """One page of the catalogue and the address of the next. An unreadable entry is left out.

    Raises MalformedReply when the page itself is unreadable.
    """
    page = _decode(body, _ModelPage)
    models = []
    for entry in page.data:
        try:
            models.append(_model(msgspec.json.decode(entry, type=_WireModel)))
        except ValueError:
            continue
    return models, page.links.next if page.links else None


def decode_generation(body: bytes) -> Generation:
    """Raises MalformedReply."""
    found = _decode(body, _GenerationReply).data
    return Generation(
        id=found.id,
        model=found.model,
        provider=found.provider_name,
        finish_reason=found.finish_reason,
        # The native counts are the billed ones; the others are normalised estimates.
        prompt_tokens=_first(found.native_tokens_prompt, found.tokens_prompt),
        completion_tokens=_first(found.native_tokens_completion, found.tokens_completion),
        reasoning_tokens=found.native_tokens_reasoning,
        cached_tokens=found.native_tokens_cached,
        cost_usd=_price(found.total_cost),
        cache_discount_usd=_sum(found.cache_discount),
    )


def error_of(body: bytes) -> object:
    """The `error` member of a JSON body; None when there is none."""
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    return found.get("error") if isinstance(found, dict) else None


def _model(wire: _WireModel) -> ModelInfo:
    architecture = wire.architecture or _WireArchitecture()
    pricing: Mapping[str, Any] = wire.pricing or {}
    overrides = pricing.get("overrides")
    return ModelInfo(
        id=wire.id,
        canonical_slug=wire.canonical_slug,
        name=wire.name,
        context_length=wire.context_length,
        max_completion_tokens=wire.top_provider.max_completion_tokens if wire.top_provider else None,
        input_modalities=architecture.input_modalities,
        output_modalities=architecture.output_modalities,
        pricing=_prices(pricing),
        price_overrides=tuple(_overrides(overrides if isinstance(overrides, list) else ())),
        supported_parameters=wire.supported_parameters,
    )


def _prices(pricing: Mapping[str, Any]) -> dict[str, Decimal | None]:
    named = {name: value for name, value in pricing.items() if name != "overrides" and value is not None}
    return {name: _price(value) for name, value in named.items()}


def _overrides(entries: Iterable[object]) -> Iterable[PriceOverride]:
    for entry in entries:
        # Prices by the hour or the weekday are left out: what a call cost is said by its usage.
        if isinstance(entry, dict) and not any(name.startswith("utc_") for name in entry):
            prices = dict(entry)
            minimum = _whole(prices.pop("min_prompt_tokens", None))
            if minimum is not None:
                yield PriceOverride(minimum, _prices(prices))


# --- numbers ----------------------------------------------------------------------------------------------


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        raise MalformedReply from error


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _count(number: int | float | None) -> int | None:
    return None if number is None else max(0, int(number))


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and value >= 0 else None


def _sum(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < _LARGEST_SUM else None


def _price(value: object) -> Decimal | None:
    number = _sum(value)
    return number if number is not None and number >= 0 else None
