"""GET /generation, /key and /credits: what the ledger knows, in OpenRouter's words."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from starlette.requests import Request

from wisqu.sandbox.errors import Refusal
from wisqu.sandbox.faults import HttpFault
from wisqu.sandbox.http import JsonReply, sandbox_of
from wisqu.sandbox.ledger import Attempt, Entry
from wisqu.sandbox.usage import cost

_CREDITS = Decimal(1000)


def _milliseconds(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds() * 1000, 3) if start and end else None


def _provider_response(attempt: Attempt, entry: Entry) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{entry.id}",
        "endpoint_id": f"endpoint-{attempt.provider}",
        "model_permaslug": attempt.model,
        "provider_name": attempt.provider,
        "status": attempt.status,
        "latency": _milliseconds(entry.started_at, entry.first_token_at) or 0.0,
        "is_byok": False,
    }


_API_TYPES = {"chat": "completions", "images": "image", "transcriptions": "stt", "embeddings": "embeddings"}
_EMPTY = (
    "app_id", "external_user", "moderation_latency", "num_fetches", "preset_id", "router", "service_tier",
    "web_search_engine", "workspace_id", "request_id", "response_cache_source_id",
)  # fmt: skip


def generation_json(entry: Entry) -> dict[str, Any]:
    """The `data` of /generation. Cancelled and failed generations show what they produced."""
    model, used = entry.model, entry.usage
    if model is None:
        raise AssertionError("a generation has a model")
    price = cost(model, used)
    return {
        **dict.fromkeys(_EMPTY),
        "id": entry.id,
        "api_type": _API_TYPES[entry.endpoint],
        "model": model.canonical_slug,
        "provider_name": model.provider,
        "provider_responses": [_provider_response(each, entry) for each in entry.attempts],
        "upstream_id": f"chatcmpl-{entry.id}",
        "created_at": entry.started_at.isoformat(),
        "data_region": "global",
        "streamed": entry.stream,
        "cancelled": entry.outcome == "aborted",
        "finish_reason": entry.finish_reason,
        "native_finish_reason": model.native_finish(entry.finish_reason) if entry.finish_reason else None,
        "latency": _milliseconds(entry.started_at, entry.first_token_at),
        "generation_time": _milliseconds(entry.first_token_at, entry.ended_at),
        "tokens_prompt": used.prompt,
        "tokens_completion": used.completion,
        "native_tokens_prompt": used.prompt,
        "native_tokens_completion": used.completion,
        "native_tokens_completion_images": used.image,
        "native_tokens_reasoning": used.reasoning,
        "native_tokens_cached": used.cached,
        "num_media_prompt": 0,
        "num_input_audio_prompt": 0,
        "num_media_completion": 1 if used.image else 0,
        "num_search_results": 5 * used.searches,
        "total_cost": entry.cost,
        "usage": entry.cost,
        "upstream_inference_cost": price.upstream if entry.billed else Decimal(0),
        "cache_discount": entry.cache_discount,
        "is_byok": False,
        "origin": entry.headers.get("http-referer", ""),
        "http_referer": entry.headers.get("http-referer"),
        "user_agent": entry.headers.get("user-agent"),
        "session_id": entry.session,
    }


async def generation(request: Request) -> JsonReply:
    """Look one generation up, once it ended; 404 before."""
    wanted = request.query_params.get("id", "")
    entry = sandbox_of(request).ledger.get(wanted)
    found = entry is not None and entry.model is not None and entry.ended_at is not None
    if found and entry is not None and entry.ended_at is not None:
        age = (datetime.now(UTC) - entry.ended_at).total_seconds() + sandbox_of(request).clock.advanced
        found = age >= entry.hidden_for and entry.key == request.state.key
    if not found or entry is None:
        raise Refusal(HttpFault(404, f"Generation {wanted} not found", "not_found"))
    return JsonReply({"data": generation_json(entry)})


async def key(request: Request) -> JsonReply:
    """The key's own limits and use."""
    spent = sandbox_of(request).ledger.spent(key=request.state.key)
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    budget = {
        "budget_id": None,
        "guardrail_id": None,
        "include_byok": False,
        "limit_usd": _CREDITS,
        "remaining_usd": _CREDITS - spent,
        "spend_usd": spent,
        "reset_interval": "daily",
        "resets_at": tomorrow.isoformat(),
        "scope": "api_key",
    }
    data = {
        "label": "sk-or-...sandbox",
        "limit": _CREDITS,
        "limit_remaining": _CREDITS - spent,
        "limit_reset": None,
        "usage": spent,
        "usage_daily": spent,
        "usage_weekly": spent,
        "usage_monthly": spent,
        "byok_usage": 0,
        "byok_usage_daily": 0,
        "byok_usage_weekly": 0,
        "byok_usage_monthly": 0,
        "include_byok_in_limit": False,
        "is_free_tier": False,
        "is_management_key": False,
        "is_provisioning_key": False,
        "creator_user_id": None,
        "organization_id": None,
        "workspace_id": None,
        "allowed_data_regions": ["global"],
        "budgets": [budget],
        "effective_budget": budget,
        "free_model_daily_requests": {"limit": 1000, "remaining": 1000, "used": 0},
        "rate_limit": {
            "interval": "10s",
            "note": "This field is deprecated and safe to ignore.",
            "requests": -1,
        },
        "expires_at": None,
    }
    return JsonReply({"data": data})


async def credits(request: Request) -> JsonReply:  # noqa: A001 - the endpoint's own name
    return JsonReply({"data": {"total_credits": _CREDITS, "total_usage": sandbox_of(request).ledger.spent()}})
