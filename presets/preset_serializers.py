"""Presets as the API takes and shows them. What the values mean is judged in `presets/keeping.py`."""

from __future__ import annotations

import uuid
from typing import Any

from rest_framework import serializers

from presets import searching
from presets.models import ModelPreset
from presets.transfer import MOST_AT_ONCE
from wisqu.api.serializers import StrictSerializer


class _DomainField(serializers.CharField):
    """A domain of the web."""

    def to_internal_value(self, data: Any) -> str:
        """Return the name as it is sent."""
        try:
            return searching.read_domain(super().to_internal_value(data))
        except ValueError as wrong:
            raise serializers.ValidationError(str(wrong), code="invalid") from None


def _domains() -> serializers.ListField:
    return serializers.ListField(
        child=_DomainField(max_length=searching.LONGEST_DOMAIN),
        required=False,
        max_length=searching.MOST_DOMAINS,
    )


class _SearchSerializer(StrictSerializer):
    """Where the web is searched, and for how much."""

    max_results = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=searching.MOST_RESULTS
    )
    allowed_domains = _domains()
    excluded_domains = _domains()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return all three, whatever was left out."""
        if attrs.get("allowed_domains") and attrs.get("excluded_domains"):
            raise serializers.ValidationError(searching.ONE_OF_BOTH, code="invalid")
        return searching.options(**attrs)


class PortablePresetSerializer(StrictSerializer):
    """What a preset is, wherever it is kept. An empty field leaves the choice to the settings."""

    name = serializers.CharField(max_length=ModelPreset.LONGEST_NAME)
    slug = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=ModelPreset.LONGEST_SLUG,
        help_text="The name to ask for it with. Made from `name` when missing.",
    )
    description = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=ModelPreset.LONGEST_DESCRIPTION
    )
    system_prompt = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        trim_whitespace=False,
        max_length=ModelPreset.LONGEST_PROMPT,
    )
    model = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=200)
    fallback_models = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        allow_null=True,
        max_length=ModelPreset.MOST_FALLBACKS,
    )
    routing_strategy = serializers.ChoiceField(
        choices=ModelPreset.Strategy.choices, required=False, allow_null=True, allow_blank=True
    )
    temperature = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=2)
    max_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=1_000_000)
    top_p = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)
    web_search = serializers.BooleanField(required=False)
    web_search_options = _SearchSerializer(required=False, allow_null=True)

    def validate_top_p(self, value: float | None) -> float | None:
        """Nothing at all can't be chosen from."""
        if value == 0:
            raise serializers.ValidationError("It has to be above 0.", code="min_value")
        return value

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return columns: texts that are null become empty, and a model is named once."""
        values: dict[str, Any] = super().to_internal_value(data)
        for name in ("slug", "description", "system_prompt", "model", "routing_strategy"):
            if name in values:
                values[name] = values[name] or ""
        if values.get("fallback_models"):
            values["fallback_models"] = list(dict.fromkeys(values["fallback_models"]))
        return values


class PresetSerializer(PortablePresetSerializer):
    """A preset. Staff publish it for everybody with `is_public`."""

    id = serializers.UUIDField(read_only=True)
    is_public = serializers.BooleanField(
        required=False, help_text="Everybody may use it. Only staff may set this."
    )
    is_own = serializers.BooleanField(read_only=True, help_text="It is yours, so that you may change it.")
    is_default = serializers.BooleanField(read_only=True, help_text="Your new conversations begin with it.")
    version = serializers.IntegerField(
        read_only=True, help_text="Grows with each change of what decides an answer."
    )
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def to_representation(self, instance: ModelPreset) -> dict[str, Any]:
        """Return the preset as it is shown; the context has `user_id` and `default_id`."""
        user_id: uuid.UUID = self.context["user_id"]
        return {
            "id": instance.id,
            "name": instance.name,
            "slug": instance.slug,
            "description": instance.description,
            "model": instance.model or None,
            "system_prompt": instance.system_prompt,
            "temperature": instance.temperature,
            "max_tokens": instance.max_tokens,
            "top_p": instance.top_p,
            "fallback_models": instance.fallback_models,
            "routing_strategy": instance.routing_strategy or None,
            "web_search": instance.web_search,
            "web_search_options": instance.web_search_options,
            "is_public": instance.is_public,
            "is_own": instance.owner_id == user_id,
            "is_default": instance.id == self.context["default_id"],
            "version": instance.version,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
        }


class PresetFileSerializer(StrictSerializer):
    """Presets as a file: what is exported can be imported, here or elsewhere."""

    format = serializers.ChoiceField(choices=["wisqu.presets"])
    version = serializers.ChoiceField(choices=[1])
    # More than any plan holds at once is no honest file.
    presets: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=PortablePresetSerializer(),
        allow_empty=False,
        max_length=MOST_AT_ONCE,
        error_messages={"max_length": f"A file has at most {MOST_AT_ONCE} presets."},
    )


class ImportedSerializer(serializers.Serializer[Any]):
    """What an import has made."""

    results = PresetSerializer(many=True)


class DefaultPresetSerializer(StrictSerializer):
    """The preset that new conversations begin with; null is the product's own."""

    preset = serializers.CharField(allow_null=True, max_length=100, help_text="A slug or an id.")


class DefaultShownSerializer(serializers.Serializer[Any]):
    """The same as it is told."""

    preset = PresetSerializer(allow_null=True)
