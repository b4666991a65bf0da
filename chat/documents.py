"""A message as the outside sees it, at every door."""

from __future__ import annotations

from typing import Any

from chat import citations, feedback, reviews
from chat.models import Message


def message_document(message: Message) -> dict[str, Any]:
    """Return the message with all its facts; what a server did not say is null."""
    is_answer = message.role == Message.Role.ASSISTANT
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "parent_id": message.parent_id,
        "role": message.role,
        "content": message.content,
        "status": message.status,
        "created": message.created_at,
        "model": message.model or None,
        "preset": message.preset,
        "applied": message.applied,
        "finish_reason": message.finish_reason or None,
        "attachments": [shown(each) for each in message.attached],
        "feedback": feedback.document(feedback.loaded(message)),
        "usage": _usage(message) if is_answer else None,
        "error": _error(message),
        "reasoning": message.reasoning or None,
        "citations": citations.shown(message.citations),
        "history_messages_cut": message.history_messages_cut,
        "enable_caching": message.enable_caching,
        "cache_breakpoints": message.cache_breakpoints,
        "cached_tokens_read": message.cached_tokens_read,
        "cached_tokens_written": message.cached_tokens_written,
        "cache_discount_usd": message.cache_discount_usd,
        "models_attempted": message.models_attempted,
        "final_model_used": message.final_model_used or None,
        "fallback_used": message.fallback_used,
        "routing_reason": message.routing_reason or None,
        "routing_strategy": message.routing_strategy or None,
        "provider": message.provider or None,
        "generation_id": message.generation_id or None,
        "response_schema": message.response_schema,
        "structured_data": message.structured_data,
        "quotations": message.quotations,
        "references": message.references,
        "repair": message.repair,
        "review": reviews.document(message),
    }


def shown(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a question tells of one of its files (`chat.enclosing.facts`)."""
    names = ("id", "name", "type", "media_type", "size", "pages", "width", "height", "duration_ms")
    address = f"/api/v1/attachments/{facts['id']}/file"
    thumbnail = f"{address}?thumbnail=true" if facts["type"] == "image" else None
    return {**{name: facts.get(name) for name in names}, "url": address, "thumbnail_url": thumbnail}


def _usage(message: Message) -> dict[str, Any]:
    return {
        "prompt_tokens": message.prompt_tokens,
        "completion_tokens": message.completion_tokens,
        "reasoning_tokens": message.reasoning_tokens,
        "total_tokens": message.total_tokens,
        "cost_usd": message.cost_usd,
        "fees_usd": message.fees_usd,
        "web_searches": message.web_searches,
        "first_token_ms": message.first_token_ms,
        "total_ms": message.total_ms,
    }


def _error(message: Message) -> dict[str, str] | None:
    if not message.error_code:
        return None
    return {"code": message.error_code, "detail": message.error_detail}
