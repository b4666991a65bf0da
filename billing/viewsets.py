"""The doors to plans, subscription and usage: they translate, `billing.plans` decides."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import plans
from billing.models import PlanLimit
from billing.serializers import PeriodUsageSerializer, PlanListSerializer, SubscriptionSerializer

TAGS = ["subscriptions"]


def user_id(request: Request) -> UUID:
    """Return the id of the user whom the permission has let in."""
    assert request.user.pk
    return request.user.pk


class MySubscription(APIView):
    """GET /subscriptions/me."""

    @extend_schema(operation_id="subscriptions_me", tags=TAGS, responses=SubscriptionSerializer)
    def get(self, request: Request) -> Response:
        """Return the plan that the user is on."""
        subscription = plans.subscription_for(user_id(request))
        return Response(SubscriptionSerializer(subscription).data)


class Usage(APIView):
    """GET /subscriptions/usage."""

    @extend_schema(operation_id="subscriptions_usage", tags=TAGS, responses=PeriodUsageSerializer)
    def get(self, request: Request) -> Response:
        """Return what the present usage period holds and has used."""
        return Response(PeriodUsageSerializer(plans.usage(user_id(request))).data)


class Plans(APIView):
    """GET /subscriptions/plans: read before one signs up, so open to everybody."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="subscriptions_plans", tags=TAGS, responses=PlanListSerializer, auth=[])
    def get(self, request: Request) -> Response:
        """Return all plans, the smallest first."""
        page = {"results": PlanLimit.objects.all(), "next": None, "previous": None}
        return Response(PlanListSerializer(page).data)
