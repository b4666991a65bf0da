"""The door to the catalogue."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.plans import plan_for
from billing.viewsets import user_id
from presets import catalogue
from presets.serializers import ModelListSerializer, as_shown


class Models(APIView):
    """GET /models."""

    @extend_schema(operation_id="models_list", tags=["models"], responses=ModelListSerializer)
    def get(self, request: Request) -> Response:
        """List the models with prices and abilities; those the plan or a block keeps away say why."""
        allow_advanced = plan_for(user_id(request)).advanced_models
        default = catalogue.find_default(allow_advanced=allow_advanced)
        shown = [
            as_shown(model, allow_advanced=allow_advanced, default_id=default.id if default else None)
            for model in catalogue.all_models()
        ]
        page = {"results": shown, "next": None, "previous": None}
        return Response(ModelListSerializer(page).data)
