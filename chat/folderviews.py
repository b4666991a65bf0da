"""Folders of conversations over REST."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from chat.models import Folder
from chat.serializers import FolderSerializer
from wisqu.api.idempotency import idempotent
from wisqu.api.problems import FieldError, Invalid, Problem


@extend_schema_view(
    list=extend_schema(summary="Your folders"),
    retrieve=extend_schema(summary="One folder"),
    create=extend_schema(summary="Make a folder"),
    partial_update=extend_schema(summary="Rename a folder"),
    destroy=extend_schema(summary="Delete a folder; its conversations stay"),
)
@extend_schema(tags=["conversations"])
class FolderViewSet(viewsets.ModelViewSet[Folder]):
    """A person's folders."""

    serializer_class = FolderSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = Folder.objects.none()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Folder]:
        """Only the asker's own, each with how many conversations are in it."""
        is_there = Q(conversations__deleted_at=None)
        rows = Folder.objects.filter(owner_id=self.request.user.pk)
        return rows.annotate(count=Count("conversations", filter=is_there))

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a folder."""
        return super().create(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> None:
        """Store it under the asker. Raises Problem 422 for the hundredth."""
        owner_id = self.request.user.pk
        if Folder.objects.filter(owner_id=owner_id).count() >= Folder.MOST:
            raise Problem(422, "too_many_folders", f"You have {Folder.MOST} folders already.")
        _with_free_name(serializer, owner_id=owner_id)

    def perform_update(self, serializer: Any) -> None:
        """Store the new name."""
        _with_free_name(serializer)


def _with_free_name(serializer: Any, **values: Any) -> None:
    try:
        with transaction.atomic():
            serializer.save(**values)
    except IntegrityError:
        taken = FieldError("name", "taken", "You have a folder of this name.")
        raise Invalid(errors=[taken]) from None
