"""Conversations and their messages over REST."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from chat import branches
from chat.documents import message_document
from chat.models import Conversation, Message
from chat.serializers import ConversationSerializer
from presets import choosing
from wisqu.api.idempotency import idempotent
from wisqu.api.pagination import CursorPagination


class RecentFirst(CursorPagination):
    """Conversations by their last message."""

    ordering = ("-last_message_at", "-id")  # type: ignore[assignment]


class NewestFirst(CursorPagination):
    """Messages, newest first: a page begins where people read."""

    ordering = "-id"


_LINK = {"type": ["string", "null"], "format": "uri"}
# The document is the one that ninja's door describes; both tell it with the same function.
_MESSAGE_PAGE = {
    "type": "object",
    "required": ["results", "next", "previous"],
    "properties": {
        "results": {"type": "array", "items": {"$ref": "#/components/schemas/ChatMessage"}},
        "next": _LINK,
        "previous": _LINK,
    },
}


@extend_schema_view(
    list=extend_schema(summary="Your conversations, the last used first"),
    retrieve=extend_schema(summary="One conversation"),
    create=extend_schema(summary="Begin an empty conversation"),
    partial_update=extend_schema(summary="Rename, pin, archive, choose the model"),
    destroy=extend_schema(summary="Delete a conversation with all its messages"),
)
@extend_schema(tags=["conversations"])
class ConversationViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Conversation],
):
    """A person's conversations; another's do not exist."""

    serializer_class = ConversationSerializer
    pagination_class = RecentFirst
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = Conversation.objects.none()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Conversation]:
        """Only the asker's own."""
        return Conversation.objects.for_owner(cast(uuid.UUID, self.request.user.pk))

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a conversation."""
        return super().create(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> None:
        """Store it under the asker."""
        serializer.validated_data.pop("head_id", None)  # it has no messages yet
        data = serializer.validated_data
        if "preset" not in data:
            data["preset"] = choosing.default_of(cast(uuid.UUID, self.request.user.pk))
        serializer.save(owner_id=self.request.user.pk, **_moments(data), **_own_title(data, before=""))

    def perform_update(self, serializer: Any) -> None:
        """Store the changes; the branch to show is no mere value of a column."""
        head_id = serializer.validated_data.pop("head_id", None)
        data = serializer.validated_data
        own = _own_title(data, before=serializer.instance.title)
        conversation = serializer.save(**_moments(data), **own)
        if head_id is not None and head_id != conversation.head_id:
            branches.show(conversation, head_id)

    @extend_schema(summary="The messages of a conversation, newest first", responses={200: _MESSAGE_PAGE})
    def messages(self, request: Request, pk: str | None = None) -> Response:
        """Return one page of messages."""
        conversation = get_object_or_404(self.get_queryset(), pk=pk)
        rows: Any = Message.objects.filter(conversation=conversation).for_reading()
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response([message_document(message) for message in page])


def _moments(data: dict[str, Any]) -> dict[str, Any]:
    """Turn yes and no into the moments that the table keeps."""
    moments: dict[str, Any] = {}
    for flag in ("pinned", "archived"):
        if flag in data:
            moments[f"{flag}_at"] = timezone.now() if data.pop(flag) else None
    return moments


def _own_title(data: dict[str, Any], *, before: str) -> dict[str, Any]:
    """Note that the title is its owner's from now on; an empty one is nobody's, the same one is whose it was."""
    title = data.get("title", before)
    return {} if title == before else {"own_title_at": timezone.now() if title else None}
