"""The doors to the warnings of usage: they translate, `billing.warnings` decides."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import warnings
from billing.serializers import WarningListSerializer
from billing.viewsets import TAGS, user_id
from wisqu.api.problems import NotFound


class Warnings(APIView):
    """GET /subscriptions/warnings."""

    @extend_schema(operation_id="subscriptions_warnings", tags=TAGS, responses=WarningListSerializer)
    def get(self, request: Request) -> Response:
        """Return the warnings of the present usage period that still hold and were not dismissed."""
        page = {"results": warnings.unseen(user_id(request)), "next": None, "previous": None}
        return Response(WarningListSerializer(page).data)


class OneWarning(APIView):
    """DELETE /subscriptions/warnings/{id}."""

    @extend_schema(
        operation_id="subscriptions_warnings_dismiss",
        tags=TAGS,
        request=None,
        responses={204: OpenApiResponse(description="It is not shown again.")},
    )
    def delete(self, request: Request, id: UUID) -> Response:  # noqa: A002 - the name in the address
        """Dismiss a warning; dismissing twice does no harm."""
        if not warnings.dismiss(user_id(request), id):
            raise NotFound
        return Response(status=204)
