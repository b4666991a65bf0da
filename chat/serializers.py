"""Conversations and messages as REST resources."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from chat.models import Conversation
from presets import catalogue, choosing
from presets.models import ModelPreset
from wisqu.api.serializers import StrictModelSerializer


class ConversationSerializer(StrictModelSerializer):
    """A conversation; pinned and archived are set by yes or no and keep the moment."""

    pinned = serializers.BooleanField(required=False)
    archived = serializers.BooleanField(required=False)
    model = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=200)
    preset = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        max_length=100,
        help_text="The preset that questions without one are asked with: a slug or an id.",
    )
    title = serializers.CharField(required=False, allow_blank=True, max_length=200)
    head_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="The last message of the branch that is shown. Setting it to any message of the conversation shows "
        "the newest branch through that one.",
    )

    class Meta:
        model = Conversation
        fields = (
            "id",
            "title",
            "model",
            "preset",
            "pinned",
            "archived",
            "head_id",
            "created_at",
            "updated_at",
            "last_message_at",
        )
        read_only_fields = ("id", "created_at", "updated_at", "last_message_at")

    def update(self, instance: Conversation, validated_data: dict[str, Any]) -> Conversation:
        """Store what was sent and nothing else: a turn may write the head and a job the title at the same time."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=[*validated_data, "updated_at"])
        return instance

    def to_representation(self, instance: Conversation) -> dict[str, Any]:
        """Return the conversation as it is shown."""
        return {
            "id": instance.id,
            "title": instance.title,
            "model": instance.model or None,
            "preset": instance.preset_id,
            "pinned": instance.pinned_at is not None,
            "archived": instance.archived_at is not None,
            "head_id": instance.head_id,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
            "last_message_at": instance.last_message_at,
        }

    def validate_model(self, value: str | None) -> str:
        """Only models of the catalogue; what the plan allows is asked when a question is sent."""
        if value and catalogue.get(value) is None:
            raise serializers.ValidationError("There is no such model.", code="unknown_model")
        return value or ""

    def validate_preset(self, value: str | None) -> ModelPreset | None:
        """Only presets that the asker may use; another is NotFound (404)."""
        return choosing.find(user_id=self.context["request"].user.pk, reference=value) if value else None
