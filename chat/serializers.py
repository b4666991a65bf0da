"""Conversations and messages as REST resources."""

from __future__ import annotations

import uuid
from typing import Any

from rest_framework import serializers

from chat import sharing
from chat.models import Conversation, Feedback, Folder
from presets import catalogue, choosing
from presets.models import ModelPreset
from wisqu.api.problems import NotFound
from wisqu.api.serializers import StrictModelSerializer, StrictSerializer


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

    folder_id = serializers.UUIDField(required=False, allow_null=True, help_text="One of your folders.")

    class Meta:
        model = Conversation
        fields = (
            "id",
            "title",
            "model",
            "preset",
            "pinned",
            "archived",
            "folder_id",
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
            "folder_id": instance.folder_id,
            "temporary": instance.is_temporary,
            "share": sharing.document(shared) if (shared := sharing.loaded(instance)) else None,
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

    def validate_folder_id(self, value: uuid.UUID | None) -> uuid.UUID | None:
        """Only the asker's own folders; another is NotFound (404)."""
        owner_id = self.context["request"].user.pk
        if value and not Folder.objects.filter(id=value, owner_id=owner_id).exists():
            raise NotFound(detail="There is no such folder, or it is not yours.")
        return value

    def validate_preset(self, value: str | None) -> ModelPreset | None:
        """Only presets that the asker may use; another is NotFound (404)."""
        return choosing.find(user_id=self.context["request"].user.pk, reference=value) if value else None


class FolderSerializer(StrictModelSerializer):
    """A folder; its name is unique among its owner's."""

    conversations = serializers.IntegerField(read_only=True, source="count", default=0)

    class Meta:
        model = Folder
        fields = ("id", "name", "conversations", "created_at")
        read_only_fields = ("id", "created_at")


class FeedbackSerializer(StrictSerializer):
    """What is said about an answer."""

    rating = serializers.ChoiceField(choices=Feedback.Rating.values)
    reason = serializers.ChoiceField(
        choices=Feedback.Reason.values, required=False, allow_null=True, allow_blank=True
    )
    note = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    consent = serializers.BooleanField(
        required=False, default=False, help_text="Staff may read this answer and its question."
    )


class SomeConversationsSerializer(StrictSerializer):
    """Several conversations by their ids."""

    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=500)


class ShareSerializer(StrictSerializer):
    """How a conversation is shared."""

    live = serializers.BooleanField(
        required=False, default=False, help_text="Follow the conversation; otherwise it stays as it is now."
    )
