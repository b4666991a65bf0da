"""Conversations and their messages over REST."""

from __future__ import annotations

import re
import uuid
from dataclasses import asdict
from typing import Any, BinaryIO, cast

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from chat import archives, branches, feedback, importing, keeping, search, sharing, unpacking
from chat.documents import message_document
from chat.models import Conversation, Message
from chat.serializers import (
    ConversationSerializer,
    FeedbackSerializer,
    ShareSerializer,
    SomeConversationsSerializer,
)
from presets import choosing
from wisqu.api.bodies import encode_json
from wisqu.api.idempotency import idempotent
from wisqu.api.pagination import CursorPagination
from wisqu.api.problems import FieldError, Invalid
from wisqu.files.serving import send_file


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


_SHARE = {
    "type": "object",
    "required": ["url", "path", "live", "created_at"],
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "path": {"type": "string"},
        "live": {"type": "boolean"},
        "created_at": {"type": "string", "format": "date-time"},
    },
}


_IMPORTED = {
    "type": "object",
    "required": ["conversations", "messages", "skipped", "files"],
    "properties": {
        "conversations": {"type": "array", "items": {"type": "string", "format": "uuid"}},
        "messages": {"type": "integer"},
        "skipped": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "title": {"type": "string"},
                    "reason": {"type": "string"},
                },
            },
        },
        "files": {
            "type": "object",
            "required": ["taken", "left_out"],
            "properties": {
                "taken": {"type": "integer"},
                "left_out": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "reason", "detail"],
                        "properties": {
                            "name": {"type": "string"},
                            "reason": {"type": "string"},
                            "detail": {"type": "string"},
                        },
                    },
                },
            },
        },
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
        """Only the asker's own, in lists none that is temporary."""
        rows = Conversation.objects.for_owner(_asker(self.request)).for_page()
        return _filtered(rows.listed(), self.request.query_params) if self.action == "list" else rows

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
        conversation = serializer.save(
            owner_id=self.request.user.pk, **_moments(data), **_own_title(data, before="")
        )
        search.remember_title(conversation)

    def perform_update(self, serializer: Any) -> None:
        """Store the changes; the branch to show is no mere value of a column."""
        head_id = serializer.validated_data.pop("head_id", None)
        data = serializer.validated_data
        own = _own_title(data, before=serializer.instance.title)
        conversation = serializer.save(**_moments(data), **own)
        if own:
            search.remember_title(conversation)
        if head_id is not None and head_id != conversation.head_id:
            branches.show(conversation, head_id)

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description="Words that begin words of the title or of one message."),
            OpenApiParameter("archived", bool, description="Only those put away, or only the others."),
            OpenApiParameter("folder", str, description="Only those in this folder."),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List conversations; with `q` those found, each with `matches`: the messages where, with an excerpt."""
        query = request.query_params.get("q", "").strip()
        return self._search(request, query) if query else super().list(request, *args, **kwargs)

    def _search(self, request: Request, query: str) -> Response:
        cursor = request.query_params.get("cursor")
        if cursor is not None and not re.fullmatch(r"-?\d{1,19}", cursor):
            detail = "Take the cursor from `next` of a page."
            raise Invalid(errors=[FieldError("cursor", "invalid", detail)])
        paginator: Any = self.paginator
        page = search.search(
            _asker(request),
            query,
            after=int(cursor) if cursor else None,
            limit=paginator.get_page_size(request),
        )
        here = request.build_absolute_uri()
        results = [
            {
                **self.get_serializer(each.conversation).data,
                "matches": [asdict(match) for match in each.matches],
            }
            for each in page.found
        ]
        following = None if page.next is None else replace_query_param(here, "cursor", page.next)
        return Response({"results": results, "next": following, "previous": None})

    @extend_schema(
        summary="Throw conversations away",
        request=SomeConversationsSerializer,
        responses={200: SomeConversationsSerializer},
    )
    def throw_away(self, request: Request) -> Response:
        """Hide up to 500 conversations at once; for five minutes they can be restored, then they are gone for good."""
        found = keeping.throw_away(owner_id=_asker(request), conversation_ids=_ids(request))
        return Response({"ids": found})

    @extend_schema(
        summary="Restore what was thrown away",
        request=SomeConversationsSerializer,
        responses={200: SomeConversationsSerializer},
    )
    def restore(self, request: Request) -> Response:
        """Bring back what was thrown away in the last five minutes."""
        return Response({"ids": keeping.take_back(owner_id=_asker(request), conversation_ids=_ids(request))})

    @extend_schema(summary="Share", request=ShareSerializer, responses={200: _SHARE})
    @idempotent
    def share(self, request: Request, pk: uuid.UUID) -> Response:
        """Make a public, read-only page of the conversation, or bring the one that is there up to date.

        Frozen, it shows the conversation as it is now; live, it follows it. It names nobody.
        """
        wish = ShareSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        shared = sharing.share(
            owner_id=_asker(request), conversation_id=pk, is_live=wish.validated_data["live"]
        )
        document = sharing.document(shared)
        return Response({**document, "url": request.build_absolute_uri(document["path"])})

    @extend_schema(
        summary="Take a conversation along",
        parameters=[
            OpenApiParameter(
                "format", str, enum=["md", "json"], description="json (with all branches) or md."
            )
        ],
        responses={(200, "application/json"): dict, (200, "text/markdown"): str},
    )
    def export(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        """Return the conversation as a file: JSON with all branches, or the shown one as Markdown."""
        conversation = get_object_or_404(self.get_queryset(), pk=pk)
        wish = request.query_params.get("format", "json")
        if wish not in ("md", "json"):
            raise Invalid(errors=[FieldError("format", "invalid", "md or json.")])
        if wish == "md":
            body, kind = archives.as_markdown(conversation).encode(), "text/markdown; charset=utf-8"
        else:
            body, kind = encode_json(archives.as_json(conversation)), "application/json"
        name = archives.file_name(conversation, wish)
        headers = {"Content-Disposition": archives.disposition(name)}
        return HttpResponse(body, content_type=kind, headers=headers)

    @extend_schema(
        operation_id="conversations_export_all",
        summary="Take all conversations along",
        responses={(200, "application/zip"): bytes},
    )
    def export_all(self, request: Request) -> HttpResponseBase:
        """Return a zip with every conversation, each as JSON and as Markdown, and the files of their questions."""
        file = archives.whole_zip(_asker(request))
        return send_file(file, name="wisqu-conversations.zip", media_type="application/zip")

    @extend_schema(
        summary="Bring conversations along",
        request={"application/json": dict, "application/zip": bytes},
        responses={201: _IMPORTED},
    )
    @idempotent
    def bring_in(self, request: Request) -> Response:
        """Take over conversations: our own JSON (one, a list, or your whole export), or ChatGPT's `conversations.json`.

        Up to 200 at a time and 2 MB; send a larger file in parts. What can't be read is named in `skipped`. A ZIP, of
        your whole export or ChatGPT's, brings the files of questions along: each is looked at as if it was sent to
        `/attachments`, and counts as much. `files` says how many are here and which were left out, with the reason.
        Where a ZIP holds more than can be read at once, the answer is a 503 `files_busy`: send the same ZIP again.
        """
        file = request.FILES.get("file")
        if file is not None:
            with file:
                outcome = unpacking.take_over(owner_id=_asker(request), file=cast(BinaryIO, file.file))
        else:
            outcome = importing.take_over(owner_id=_asker(request), data=request.data)
        return Response(asdict(outcome), status=201)

    @extend_schema(summary="Stop sharing", responses={204: None})
    def unshare(self, request: Request, pk: uuid.UUID) -> Response:
        """Make the public page disappear at once."""
        sharing.revoke(owner_id=_asker(request), conversation_id=pk)
        return Response(status=204)

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


def _asker(request: Any) -> uuid.UUID:
    return cast(uuid.UUID, request.user.pk)


def _ids(request: Request) -> list[uuid.UUID]:
    wish = SomeConversationsSerializer(data=request.data)
    wish.is_valid(raise_exception=True)
    return cast(list[uuid.UUID], wish.validated_data["ids"])


def _filtered(rows: QuerySet[Conversation], wishes: Any) -> QuerySet[Conversation]:
    """Keep what the address asks for. Raises Invalid."""
    archived, folder = wishes.get("archived"), wishes.get("folder")
    if archived is not None:
        if archived not in ("true", "false"):
            raise Invalid(errors=[FieldError("archived", "invalid", "true or false.")])
        rows = rows.filter(archived_at__isnull=archived == "false")
    if folder is not None:
        try:
            rows = rows.filter(folder_id=uuid.UUID(folder))
        except ValueError:
            raise Invalid(errors=[FieldError("folder", "invalid", "The id of a folder.")]) from None
    return rows


@extend_schema(tags=["conversations"])
class FeedbackViewSet(viewsets.GenericViewSet[Message]):
    """What a person says about an answer."""

    serializer_class = FeedbackSerializer
    queryset = Message.objects.none()

    @extend_schema(summary="Rate an answer", responses={200: FeedbackSerializer})
    def give(self, request: Request, pk: uuid.UUID) -> Response:
        """Say what you think of an answer; it takes the place of what you said before."""
        wish = FeedbackSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        said = wish.validated_data
        given = feedback.give(
            owner_id=_asker(request),
            message_id=pk,
            rating=said["rating"],
            reason=said.get("reason") or "",
            note=said.get("note", ""),
            may_be_read=said["consent"],
        )
        return Response(feedback.document(given))

    @extend_schema(summary="Take a rating back", responses={204: None})
    def take_back(self, request: Request, pk: uuid.UUID) -> Response:
        """Forget what you said about an answer."""
        feedback.take_back(owner_id=_asker(request), message_id=pk)
        return Response(status=204)
