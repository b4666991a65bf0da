"""The catalogue as the API shows it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from presets.catalogue import Model
from presets.pricing import PRICE_NAMES

ADVANCED = "Your plan does not have advanced models."


class PricesSerializer(serializers.Serializer[Any]):
    """USD per token, `request` per request; null is unknown."""

    prompt = serializers.FloatField(allow_null=True)
    completion = serializers.FloatField(allow_null=True)
    input_cache_read = serializers.FloatField(allow_null=True)
    input_cache_write = serializers.FloatField(allow_null=True)
    input_cache_write_1h = serializers.FloatField(allow_null=True)
    image_output = serializers.FloatField(allow_null=True)
    request = serializers.FloatField(allow_null=True)


class ModelCacheSerializer(serializers.Serializer[Any]):
    """How the model caches prompts, and from how many tokens on."""

    mode = serializers.CharField()
    min_tokens = serializers.IntegerField(allow_null=True)


class ModelSerializer(serializers.Serializer[Any]):
    """One model, and whether this user may use it."""

    id = serializers.CharField()
    canonical_slug = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    context_length = serializers.IntegerField(allow_null=True)
    max_completion_tokens = serializers.IntegerField(allow_null=True)
    input_modalities = serializers.ListField(child=serializers.CharField())
    output_modalities = serializers.ListField(child=serializers.CharField())
    supported_parameters = serializers.ListField(child=serializers.CharField())
    pricing = PricesSerializer()
    cache = ModelCacheSerializer()
    advanced = serializers.BooleanField()
    available = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True, help_text="Why it is not available.")
    is_default = serializers.BooleanField(help_text="Used when no model is asked for.")


class ModelListSerializer(serializers.Serializer[Any]):
    """All models on one page."""

    results = ModelSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


def as_shown(model: Model, *, allow_advanced: bool, default_id: str | None) -> dict[str, Any]:
    """Return what GET /models says about the model to somebody with or without advanced models."""
    reason = None
    if model.blocked_reason:
        reason = f"It can't be used: {model.blocked_reason}."
    elif model.advanced and not allow_advanced:
        reason = ADVANCED
    return {
        "id": model.id,
        "canonical_slug": model.canonical_slug or None,
        "name": model.name,
        "context_length": model.context_length,
        "max_completion_tokens": model.max_completion_tokens,
        "input_modalities": model.input_modalities,
        "output_modalities": model.output_modalities,
        "supported_parameters": sorted(model.supported_parameters),
        "pricing": {name: getattr(model.prices, name) for name in PRICE_NAMES},
        "cache": {"mode": model.cache_mode, "min_tokens": model.cache_min_tokens},
        "advanced": model.advanced,
        "available": reason is None,
        "reason": reason,
        "is_default": model.id == default_id,
    }
