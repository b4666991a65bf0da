"""GET /models and its relatives: the catalogue as OpenRouter shows it."""

from decimal import Decimal
from typing import Any

from starlette.requests import Request

from wisqu.sandbox import catalogue
from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.endpoints import Endpoint
from wisqu.sandbox.errors import Refusal
from wisqu.sandbox.faults import HttpFault
from wisqu.sandbox.http import JsonReply, sandbox_of

_CREATED = 1_760_000_000
_TOKENIZERS = {
    "anthropic": "Claude",
    "openai": "GPT",
    "google": "Gemini",
    "deepseek": "DeepSeek",
    "meta-llama": "Llama3",
    "qwen": "Qwen",
    "x-ai": "Grok",
}
_PRICE_NAMES = (
    "prompt",
    "completion",
    "image_output",
    "input_cache_read",
    "input_cache_write",
    "input_cache_write_1h",
)


def _pricing(model: Model, *, factor: Decimal = Decimal(1)) -> dict[str, Any]:
    listed: dict[str, Any] = {
        name: model.pricing[name] if factor == 1 else str(Decimal(str(model.pricing[name])) * factor)
        for name in _PRICE_NAMES
        if model.pricing.get(name) is not None
    }
    if "overrides" in model.pricing:
        listed["overrides"] = model.pricing["overrides"]
    return listed


def _architecture(model: Model) -> dict[str, Any]:
    arrow = "+".join(model.input_modalities) + "->" + "+".join(model.output_modalities)
    return {
        "modality": arrow,
        "input_modalities": model.input_modalities,
        "output_modalities": model.output_modalities,
        "tokenizer": _TOKENIZERS.get(model.family, "Other"),
        "instruct_type": None,
    }


def model_json(model: Model) -> dict[str, Any]:
    """One row of /models."""
    row: dict[str, Any] = {
        "id": model.id,
        "canonical_slug": model.canonical_slug,
        "hugging_face_id": None,
        "name": model.name,
        "created": _CREATED,
        "description": f"{model.name}, as the sandbox knows it.",
        "context_length": model.context_length,
        "architecture": _architecture(model),
        "pricing": _pricing(model),
        "top_provider": {
            "context_length": model.context_length,
            "max_completion_tokens": model.max_completion_tokens,
            "is_moderated": model.family in ("anthropic", "openai"),
        },
        "per_request_limits": None,
        "supported_parameters": model.supported_parameters,
        "supported_voices": None,
        "default_parameters": None,
        "knowledge_cutoff": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{model.canonical_slug}/endpoints"},
    }
    if "reasoning" in model.supported_parameters:
        row["reasoning"] = {"mandatory": False, "default_enabled": False, "supports_max_tokens": True}
    return row


async def list_models(request: Request) -> JsonReply:
    """Models with text output, or those of `?output_modalities=`."""
    wanted = request.query_params.get("output_modalities", "text").split(",")
    rows = {model.id: model_json(model) for output in wanted for model in catalogue.listed(output=output)}
    return JsonReply({"data": list(rows.values()), "total_count": len(rows), "links": {"next": None}})


def _named(request: Request) -> Model:
    name = f"{request.path_params['author']}/{request.path_params['slug']}"
    model = catalogue.find(name)
    if model is None or model.retired:
        raise Refusal(HttpFault(404, f"Model {name} not found", "not_found"))
    return model


async def show_model(request: Request) -> JsonReply:
    return JsonReply({"data": model_json(_named(request))})


def _percentiles(middle: float) -> dict[str, float]:
    return {"p50": middle, "p75": middle * 1.5, "p90": middle * 2, "p99": middle * 4}


async def list_endpoints(request: Request) -> JsonReply:
    """The providers that serve a model here."""
    model = _named(request)
    endpoints = [_endpoint(model, each) for each in sandbox_of(request).providers.of(model)]
    head = {
        "id": model.id,
        "name": model.name,
        "created": _CREATED,
        "description": f"{model.name}, as the sandbox knows it.",
        "architecture": _architecture(model),
    }
    return JsonReply({"data": {**head, "endpoints": endpoints}})


def _endpoint(model: Model, served: Endpoint) -> dict[str, Any]:
    every = {"auto": True, "none": True, "required": True, "function": True}
    return {
        "name": f"{served.provider} | {model.canonical_slug}",
        "model_id": model.id,
        "model_name": model.name,
        "provider_name": served.provider,
        "tag": served.slug,
        "context_length": model.context_length,
        "pricing": _pricing(model, factor=served.factor),
        "quantization": "unknown",
        "service_tier": None,
        "max_completion_tokens": model.max_completion_tokens,
        "max_prompt_tokens": None,
        "supported_parameters": model.supported_parameters,
        "native_tools": {},
        "status": 0,
        "uptime_last_5m": served.uptime,
        "uptime_last_30m": served.uptime,
        "uptime_last_1d": 99.8,
        "latency_last_30m": _percentiles(served.latency),
        "throughput_last_30m": _percentiles(65.0),
        "supports_diarization": False,
        "supports_implicit_caching": model.cache_mode in ("automatic", "both"),
        "supports_tool_choice": every
        if "tools" in model.supported_parameters
        else dict.fromkeys(every, False),
    }


async def list_image_models(request: Request) -> JsonReply:
    """Models for POST /images."""
    rows = []
    for model in catalogue.listed(output="image"):
        architecture = _architecture(model)
        rows.append(
            {
                "id": model.id,
                "name": model.name,
                "created": _CREATED,
                "description": f"{model.name}, as the sandbox knows it.",
                "architecture": {
                    name: architecture[name] for name in ("input_modalities", "output_modalities")
                },
                "endpoints": f"/api/v1/images/models/{model.id}/endpoints",
                "supports_streaming": False,
                "supported_parameters": {
                    "n": {"type": "range", "min": 1, "max": 4},
                    "aspect_ratio": {"type": "enum", "values": ["1:1", "3:2", "2:3", "16:9", "9:16"]},
                },
            }
        )
    return JsonReply({"data": rows})
