"""Files over REST: sent, listed, fetched, deleted."""

from __future__ import annotations

import re
import uuid
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from chat import attaching
from chat.models import Attachment
from wisqu.accounts.auth import UncountedAuthentication
from wisqu.api.idempotency import idempotent
from wisqu.api.pagination import CursorPagination
from wisqu.api.problems import FieldError, Invalid
from wisqu.files import serving

_HASH = re.compile(r"[0-9a-f]{64}")


class NewestFirst(CursorPagination):
    """Files, the newest first."""

    ordering = "-id"


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    """A file as its owner sees it."""

    type = serializers.ChoiceField(source="family", choices=Attachment.Family.choices, read_only=True)
    has_text = serializers.SerializerMethodField(help_text="Whether it can be found by words that are in it.")
    created = serializers.DateTimeField(source="created_at", read_only=True)
    url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()

    class Meta:
        model = Attachment
        fields = (
            "id", "name", "type", "media_type", "size", "sha256", "pages", "width", "height", "duration_ms", "has_text",
            "url", "thumbnail_url", "created",
        )  # fmt: skip
        read_only_fields = fields

    def get_has_text(self, row: Attachment) -> bool:
        """Tell without reading the text, which may be a book."""
        return row.token_estimate > 0

    def get_url(self, row: Attachment) -> str:
        """Return where its bytes are."""
        return f"/api/v1/attachments/{row.id}/file"

    def get_thumbnail_url(self, row: Attachment) -> str | None:
        """Return where a small picture of it is, if there is one."""
        return f"{self.get_url(row)}?thumbnail=true" if row.thumbnail_key else None


_FORM = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}},
    }
}


@extend_schema(tags=["attachments"])
class AttachmentViewSet(viewsets.GenericViewSet[Attachment]):
    """A person's files; another's do not exist."""

    serializer_class = AttachmentSerializer
    pagination_class = NewestFirst
    queryset = Attachment.objects.none()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Attachment]:
        """Only the asker's own."""
        return Attachment.objects.for_owner(_asker(self.request)).for_list()

    @extend_schema(summary="Send a file", request=_FORM, responses={201: AttachmentSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Take a PDF, a text or Markdown file, a picture (PNG, JPEG, GIF, WebP) or a recording, in the field `file`.

        What it is, its bytes say; a file that is not what it is called is refused. The same bytes again are the same
        file. A PDF counts as one document. Put its id into `attachments` of a question; a file that nobody uses is
        deleted after a day.
        """
        files = request.FILES.getlist("file")
        if len(files) != 1:
            detail = "Send one file, in the field `file` of a multipart/form-data body."
            raise Invalid(detail=detail, errors=[FieldError("file", "required", detail)])
        (file,) = files
        if (file.size or 0) > settings.ATTACHMENT_MAX_BYTES:
            raise attaching.too_large()
        made = attaching.take(
            owner_id=_asker(request),
            name=file.name or "",
            declared=file.content_type or "",
            data=file.read(),
        )
        return Response(self.get_serializer(made).data, status=201)

    @extend_schema(
        summary="Your files, the newest first",
        parameters=[
            OpenApiParameter("sha256", str, description="Only the file of this hash (of the bytes as sent)."),
            OpenApiParameter(
                "type", str, enum=Attachment.Family.values, description="Only files of this type."
            ),
        ],
    )
    def list(self, request: Request) -> Response:
        """List files. Who knows a file's hash can ask whether it has to be sent at all."""
        rows = self.get_queryset()
        digest, family = request.query_params.get("sha256"), request.query_params.get("type")
        if digest is not None:
            if not _HASH.fullmatch(digest):
                raise Invalid(
                    errors=[FieldError("sha256", "invalid", "64 hexadecimal digits, in small letters.")]
                )
            rows = rows.filter(sha256=digest)
        if family is not None:
            if family not in Attachment.Family.values:
                raise Invalid(errors=[FieldError("type", "invalid", "pdf, text, image or audio.")])
            rows = rows.filter(family=family)
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(summary="One file", responses={200: AttachmentSerializer})
    def retrieve(self, request: Request, pk: uuid.UUID) -> Response:
        """Return what is known of a file."""
        found = attaching.owned(owner_id=_asker(request), attachment_id=pk)
        return Response(self.get_serializer(found).data)

    @extend_schema(summary="Delete a file", responses={204: None})
    def destroy(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a file for good, also from the questions that it was put to; what it counted stays counted."""
        attaching.delete(owner_id=_asker(request), attachment_id=pk)
        return Response(status=204)

    @extend_schema(
        summary="The bytes of a file",
        parameters=[
            OpenApiParameter("thumbnail", bool, description="A small WebP of a picture."),
            OpenApiParameter("download", bool, description="Save it, even if it could be shown."),
        ],
        responses={(200, "application/octet-stream"): bytes},
        # The same as everywhere, by a class that only counts otherwise; the stubs know names alone.
        auth=[{"bearer": [], "session": []}],  # type: ignore[list-item]
    )
    def file(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        """Return the file. Only pictures and sound are ever shown in place, and nothing of it runs on this site."""
        found = attaching.owned(owner_id=_asker(request), attachment_id=pk)
        wishes = request.query_params
        if wishes.get("thumbnail") == "true" and found.thumbnail_key:
            name = f"{found.name.rpartition('.')[0] or found.name}.webp"
            return serving.serve(request._request, found.thumbnail_key, media_type="image/webp", name=name)
        return serving.serve(
            request._request,
            found.key,
            media_type=found.media_type
            if found.family != Attachment.Family.TEXT
            else "text/plain; charset=utf-8",
            name=found.name,
            as_download=wishes.get("download") == "true",
        )


def _asker(request: Any) -> uuid.UUID:
    return cast(uuid.UUID, request.user.pk)


_form: dict[str, Any] = {"parser_classes": [MultiPartParser]}
collection = AttachmentViewSet.as_view({"get": "list", "post": "create"}, **_form)
one = AttachmentViewSet.as_view({"get": "retrieve", "delete": "destroy"})
# A page shows many pictures at once: fetching them is no use of the API that a limit is for.
file = AttachmentViewSet.as_view({"get": "file"}, authentication_classes=[UncountedAuthentication])
