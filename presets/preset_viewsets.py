"""The doors to presets; `presets/keeping.py` has the rules."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.plans import plan_for
from billing.viewsets import user_id
from presets import choosing, keeping, transfer
from presets.models import DefaultPreset, ModelPreset
from presets.preset_serializers import (
    DefaultPresetSerializer,
    DefaultShownSerializer,
    ImportedSerializer,
    PresetFileSerializer,
    PresetSerializer,
)
from wisqu.accounts.models import User
from wisqu.api.idempotency import idempotent
from wisqu.api.problems import FieldError, Forbidden, Invalid

TAGS = ["presets"]
_MINE = OpenApiParameter("mine", bool, description="Only your own (`true`), only published ones (`false`).")


@extend_schema_view(
    list=extend_schema(
        summary="Your presets and the published ones", parameters=[_MINE], operation_id="presets_list"
    ),
    retrieve=extend_schema(summary="One preset", operation_id="presets_get"),
    create=extend_schema(summary="Make a preset", operation_id="presets_create"),
    partial_update=extend_schema(summary="Change a preset", operation_id="presets_change"),
    destroy=extend_schema(
        summary="Delete a preset; answers keep what they used", operation_id="presets_delete"
    ),
)
@extend_schema(tags=TAGS)
class PresetViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[ModelPreset],
):
    """A person's presets and those of the house; another's do not exist."""

    serializer_class = PresetSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = ModelPreset.objects.none()
    lookup_value_converter = "uuid"
    to_change = ("partial_update", "destroy")

    def get_serializer_context(self) -> dict[str, Any]:
        """What a preset's document says depends on who reads it."""
        return _reader(self.request)

    def get_queryset(self) -> QuerySet[ModelPreset]:
        """What the asker may read; of that, to change it, their own, for staff also what is published."""
        asker = user_id(self.request)
        if self.action in self.to_change and not _may_publish(self.request):
            return ModelPreset.objects.for_owner(asker)
        rows = ModelPreset.objects.usable_by(asker)
        mine = self.request.query_params.get("mine") if self.action == "list" else None
        if mine is None:
            return rows
        if mine not in ("true", "false"):
            raise Invalid(errors=[FieldError("mine", "invalid", "It is true or false.")])
        return ModelPreset.objects.for_owner(asker) if mine == "true" else ModelPreset.objects.published()

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make one."""
        values = _read(PresetSerializer, request)
        is_public = values.pop("is_public", False)
        if is_public:
            _require_staff(request)
        made = keeping.make(owner_id=user_id(request), values=values, is_public=is_public)
        return Response(self.get_serializer(made).data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given."""
        preset = self.get_object()
        values = _read(PresetSerializer, request, partial=True)
        return Response(self.get_serializer(_changed(request, preset, values)).data)

    def perform_destroy(self, instance: ModelPreset) -> None:
        """Delete it."""
        keeping.remove(instance)

    @extend_schema(
        summary="Start from a preset: make a copy of your own",
        operation_id="presets_duplicate",
        request=None,
        responses={201: PresetSerializer},
    )
    @idempotent
    def duplicate(self, request: Request, pk: uuid.UUID) -> Response:
        """Make a copy."""
        made = keeping.duplicate(self.get_object(), owner_id=user_id(request))
        return Response(self.get_serializer(made).data, status=201)

    @extend_schema(
        summary="One preset as a file", operation_id="presets_export_one", responses=PresetFileSerializer
    )
    def export(self, request: Request, pk: uuid.UUID) -> Response:
        """Return it as a document that can be imported."""
        preset = self.get_object()
        return _file(transfer.as_file([preset]), f"{preset.id}.json")


class PresetFiles(APIView):
    """GET /presets/export and POST /presets/import."""

    @extend_schema(operation_id="presets_export", tags=TAGS, responses=PresetFileSerializer)
    def get(self, request: Request) -> Response:
        """Return your own presets as one file."""
        rows = ModelPreset.objects.for_owner(user_id(request)).order_by("id")
        return _file(transfer.as_file(rows), "wisqu-presets.json")


class PresetImport(APIView):
    """POST /presets/import."""

    @extend_schema(
        operation_id="presets_import",
        tags=TAGS,
        request=PresetFileSerializer,
        responses={201: ImportedSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make every preset of a file, or none when one of them can't be."""
        values = _read(PresetFileSerializer, request)
        made = transfer.take_in(owner_id=user_id(request), entries=values["presets"])
        rows = PresetSerializer(made, many=True, context=_reader(request)).data
        return Response({"results": rows}, status=201)


class PresetDefault(APIView):
    """/presets/default."""

    @extend_schema(operation_id="presets_default", tags=TAGS, responses=DefaultShownSerializer)
    def get(self, request: Request) -> Response:
        """Return the preset that your new conversations begin with."""
        return _shown(request, choosing.default_of(user_id(request)))

    @extend_schema(
        operation_id="presets_default_set",
        tags=TAGS,
        request=DefaultPresetSerializer,
        responses=DefaultShownSerializer,
    )
    def put(self, request: Request) -> Response:
        """Choose it; null goes back to the product's own."""
        wish = _read(DefaultPresetSerializer, request)["preset"]
        preset = choosing.find(user_id=user_id(request), reference=wish) if wish else None
        keeping.begin_with(user_id=user_id(request), preset=preset)
        return _shown(request, preset)


def _reader(request: Request) -> dict[str, Any]:
    """Return who reads, and which preset is their default."""
    asker = user_id(request)
    chosen = DefaultPreset.objects.filter(user_id=asker).values_list("preset_id", flat=True).first()
    return {"user_id": asker, "default_id": chosen}


def _shown(request: Request, preset: ModelPreset | None) -> Response:
    return Response({"preset": preset and PresetSerializer(preset, context=_reader(request)).data})


@transaction.atomic
def _changed(request: Request, preset: ModelPreset, values: dict[str, Any]) -> ModelPreset:
    is_public = values.pop("is_public", preset.is_public)
    if is_public and not preset.is_public:
        _require_staff(request)
    changed = keeping.change(preset, values=values, plan=plan_for(user_id(request)))
    if is_public and not preset.is_public:
        return keeping.publish(changed)
    if preset.is_public and not is_public:
        return keeping.withdraw(changed, owner_id=user_id(request))
    return changed


def _read(serializer: type[Any], request: Request, **options: Any) -> dict[str, Any]:
    bound = serializer(data=request.data, **options)
    bound.is_valid(raise_exception=True)
    return dict(bound.validated_data)


def _file(document: dict[str, Any], name: str) -> Response:
    return Response(document, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _may_publish(request: Request) -> bool:
    return isinstance(request.user, User) and keeping.may_publish(request.user)


def _require_staff(request: Request) -> None:
    if not _may_publish(request):
        raise Forbidden(code="staff_required", detail="Only staff whose role allows it can publish a preset.")
