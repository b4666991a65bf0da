"""Tickets as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from support.models import LONGEST_TEXT, Note, Ticket
from wisqu.api.serializers import StrictSerializer


class NoteSerializer(serializers.ModelSerializer[Note]):
    """What one side wrote."""

    class Meta:
        model = Note
        fields = ("id", "from_staff", "text", "created_at")


class TicketSerializer(serializers.ModelSerializer[Ticket]):
    """A ticket without what was said."""

    answer_due_at = serializers.DateTimeField(
        source="due_at", help_text="When an answer is promised at the latest."
    )
    message_id = serializers.UUIDField(allow_null=True, help_text="The answer that it is about.")

    class Meta:
        model = Ticket
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "subject",
            "topic",
            "status",
            "plan",
            "is_priority",
            "answer_due_at",
            "request_id",
            "message_id",
            "may_read_answer",
            "created_at",
            "closed_at",
        )
        read_only_fields = fields


class WholeTicketSerializer(TicketSerializer):
    """A ticket with what was said, oldest first."""

    notes = NoteSerializer(many=True)

    class Meta(TicketSerializer.Meta):
        fields = (*TicketSerializer.Meta.fields, "notes")


class NewTicketSerializer(StrictSerializer):
    """A question to the staff."""

    subject = serializers.CharField(max_length=120)
    text = serializers.CharField(max_length=LONGEST_TEXT)
    topic = serializers.ChoiceField(choices=Ticket.Topic.choices, default=Ticket.Topic.OTHER)
    message_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="The answer that it is about."
    )
    may_read_answer = serializers.BooleanField(
        default=False, help_text="Whether staff may read that answer and its question."
    )
    request_id = serializers.RegexField(
        r"^[A-Za-z0-9._-]{8,128}$",
        required=False,
        allow_blank=True,
        help_text="`X-Request-ID` of the request that went wrong.",
    )


class NewNoteSerializer(StrictSerializer):
    """What the user adds."""

    text = serializers.CharField(max_length=LONGEST_TEXT)


def checked(serializer: type[StrictSerializer], data: Any) -> dict[str, Any]:
    """Return the checked input. Raises DRF's ValidationError."""
    bound = serializer(data=data)
    bound.is_valid(raise_exception=True)
    return dict(bound.validated_data)
