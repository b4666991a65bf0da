"""Images that are there: the history, one, its file, throwing it away."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.db.models import Q, QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from imagery import keeping, wishes
from imagery.documents import image_document
from imagery.models import GeneratedImage
from imagery.serializers import ImageSerializer
from wisqu.api.problems import FieldError, Invalid, NotFound
from wisqu.files.serving import serve

TAGS = ["images"]
# The document is the one that ninja's door describes; both tell it with the same function.
_IMAGE: dict[str, Any] = {"$ref": "#/components/schemas/Image"}
_LINK = {"type": ["string", "null"], "format": "uri"}
_PAGE = {
    "type": "object",
    "required": ["results", "next", "previous"],
    "properties": {"results": {"type": "array", "items": _IMAGE}, "next": _LINK, "previous": _LINK},
}
_FILE = {(200, kind): bytes for kind in ("image/png", "image/jpeg", "image/webp")}


def _asker(request: Request) -> uuid.UUID:
    return cast(uuid.UUID, request.user.pk)


class History(generics.ListAPIView[GeneratedImage]):
    """GET /images/history."""

    serializer_class = ImageSerializer
    queryset = GeneratedImage.objects.none()

    def get_queryset(self) -> QuerySet[GeneratedImage]:
        """Only the asker's own, filtered as the address says."""
        rows = GeneratedImage.objects.for_owner(_asker(self.request))
        return _filtered(rows, self.request.query_params)

    @extend_schema(
        operation_id="images_history",
        tags=TAGS,
        summary="Your images, the newest first",
        parameters=[
            OpenApiParameter("status", str, enum=GeneratedImage.Status.values),
            OpenApiParameter("model", str, description="Only those of this model."),
            OpenApiParameter("q", str, description="Only those whose prompt holds each of these words."),
            OpenApiParameter("conversation_id", uuid.UUID, description="Only those wished for there."),
        ],
        responses={200: _PAGE},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List images, also those that are being made and those that failed."""
        return self.list(request, *args, **kwargs)


class OneImage(APIView):
    """/images/{id}."""

    @extend_schema(operation_id="image", tags=TAGS, summary="One image", responses={200: _IMAGE})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return an image, or how far its making is."""
        return Response(image_document(wishes.find(owner_id=_asker(request), image_id=pk)))

    @extend_schema(
        operation_id="image_delete", tags=TAGS, summary="Throw an image away", responses={204: None}
    )
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Hide an image from everything; it can be restored for five minutes, then it is gone for good."""
        keeping.throw_away(owner_id=_asker(request), image_id=pk)
        return Response(status=204)


class Restored(APIView):
    """POST /images/{id}/restore."""

    @extend_schema(
        operation_id="image_restore",
        tags=TAGS,
        summary="Take a deletion back",
        request=None,
        responses={200: _IMAGE},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Bring an image back that was thrown away in the last five minutes."""
        return Response(image_document(keeping.take_back(owner_id=_asker(request), image_id=pk)))


class ImageFile(APIView):
    """GET /images/{id}/file."""

    @extend_schema(
        operation_id="image_file",
        tags=TAGS,
        summary="The picture",
        parameters=[
            OpenApiParameter("size", str, enum=["full", "thumbnail"]),
            OpenApiParameter("download", bool, description="To be saved instead of shown."),
        ],
        responses=_FILE,
    )
    def get(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        """Return the file, or a thumbnail of it (WebP, at most 512 pixels a side). What is there never changes."""
        image = wishes.find(owner_id=_asker(request), image_id=pk)
        size, download = request.query_params.get("size", "full"), request.query_params.get("download")
        if size not in ("full", "thumbnail"):
            raise Invalid(errors=[FieldError("size", "invalid", "full or thumbnail.")])
        if not image.key:
            raise NotFound
        is_small = size == "thumbnail"
        return serve(
            request._request,
            image.thumbnail_key if is_small else image.key,
            media_type="image/webp" if is_small else image.media_type,
            name=image.file_name,
            as_download=download in ("1", "true"),
        )


def _filtered(rows: QuerySet[GeneratedImage], wishes: Any) -> QuerySet[GeneratedImage]:
    """Keep what the address asks for. Raises Invalid."""
    status, model, conversation = (wishes.get(name) for name in ("status", "model", "conversation_id"))
    if status:
        if status not in GeneratedImage.Status.values:
            raise Invalid(errors=[FieldError("status", "invalid", "queued, running, done or failed.")])
        rows = rows.filter(status=status)
    if model:
        rows = rows.filter(Q(model=model) | Q(final_model=model))
    if conversation:
        try:
            rows = rows.filter(conversation_id=uuid.UUID(conversation))
        except ValueError:
            raise Invalid(errors=[FieldError("conversation_id", "invalid", "An id.")]) from None
    for word in (wishes.get("q") or wishes.get("text") or "").replace("\0", "").split()[:20]:
        rows = rows.filter(prompt__icontains=word)
    return rows
