"""The doors to plans, subscription, usage and invoices: they translate, `plans` and `orders` decide."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import orders, plans
from billing.models import Invoice, PlanLimit
from billing.payments import intake
from billing.payments.base import ReturnUrls
from billing.serializers import (
    CancellationSerializer,
    ChoiceSerializer,
    InvoiceSerializer,
    NothingSerializer,
    OutcomeSerializer,
    PeriodUsageSerializer,
    PlanListSerializer,
    PortalSerializer,
    ReceiptSerializer,
    SubscriptionSerializer,
)
from wisqu.accounts.auth import require_scope
from wisqu.accounts.credentials import ACCOUNT, Credential
from wisqu.accounts.models import User
from wisqu.api.idempotency import idempotent
from wisqu.api.pagination import CursorPagination
from wisqu.api.problems import FieldError, Invalid

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


def return_urls(request: Any) -> ReturnUrls:
    """Return where a payment provider sends people back to: the pages of this site."""
    page = request.build_absolute_uri(reverse("plans_page"))
    return ReturnUrls(paid=f"{page}?paid=1", left=page)


def _payer(request: Request) -> User:
    """Return who asks; an API key has to be made for managing the account. Raises ScopeRequired."""
    assert isinstance(request.user, User)
    assert isinstance(request.auth, Credential)
    require_scope(request.auth, ACCOUNT)
    return request.user


def _subscription_of(user: User) -> dict[str, Any]:
    return dict(SubscriptionSerializer(plans.subscription_for(user.pk)).data)


class Subscriptions(APIView):
    """POST /subscriptions."""

    @extend_schema(
        operation_id="subscriptions_choose",
        tags=TAGS,
        request=ChoiceSerializer,
        responses={200: OutcomeSerializer, 201: OutcomeSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Choose a plan: begin, enlarge, shrink, or pay for a subscription.

        201 with `checkout_url` where something has to be paid first: until then nothing changes. 200 where the change
        is made (an upgrade with a known card) or noted (a smaller plan, from the end of the paid time on).
        """
        user, asked = _payer(request), ChoiceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        plan = PlanLimit.objects.filter(slug=asked.validated_data["plan"]).first()
        if plan is None:
            raise Invalid(errors=[FieldError("plan", "unknown_plan", "There is no such plan.")])
        interval = asked.validated_data.get("interval", "")
        outcome = orders.choose(user=user, plan=plan, interval=interval, urls=return_urls(request))
        pay_at = request.build_absolute_uri(outcome.pay_at) if outcome.pay_at else None
        body = {"subscription": _subscription_of(user), "checkout_url": pay_at}
        return Response(body, status=201 if pay_at else 200)


class Cancel(APIView):
    """POST /subscriptions/cancel."""

    @extend_schema(
        operation_id="subscriptions_cancel",
        tags=TAGS,
        request=CancellationSerializer,
        responses=SubscriptionSerializer,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Cancel: at the end of the paid time, or now. Nothing that was made is deleted."""
        user, asked = _payer(request), CancellationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        orders.cancel(user=user, now=asked.validated_data["at"] == "now")
        return Response(_subscription_of(user))


class Resume(APIView):
    """POST /subscriptions/resume."""

    @extend_schema(
        operation_id="subscriptions_resume",
        tags=TAGS,
        request=NothingSerializer,
        responses=SubscriptionSerializer,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Take back a cancellation, or a smaller plan that has not begun."""
        user, asked = _payer(request), NothingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        orders.resume(user=user)
        return Response(_subscription_of(user))


class Portal(APIView):
    """POST /subscriptions/portal."""

    @extend_schema(
        operation_id="subscriptions_portal", tags=TAGS, request=NothingSerializer, responses=PortalSerializer
    )
    def post(self, request: Request) -> Response:
        """Return an address, good for minutes, at which the payment provider lets one manage cards."""
        user, asked = _payer(request), NothingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response({"url": orders.portal(user=user, return_url=return_urls(request).left)})


class NewestInvoices(CursorPagination):
    """Invoices, the newest first."""

    ordering = ("-issued_at", "-id")  # type: ignore[assignment]


class _OwnInvoices(GenericAPIView[Invoice]):
    """One's own invoices; another's do not exist."""

    serializer_class = InvoiceSerializer
    pagination_class = NewestInvoices
    queryset = Invoice.objects.none()

    def get_queryset(self) -> QuerySet[Invoice]:
        """Only the asker's own, each with its lines."""
        mine = Invoice.objects.filter(user=self.request.user.pk)
        return mine.exclude(state=Invoice.State.DRAFT).prefetch_related("lines")


class Invoices(ListModelMixin, _OwnInvoices):
    """GET /subscriptions/invoices."""

    @extend_schema(operation_id="subscriptions_invoices", tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one's invoices and receipts, the newest first."""
        return self.list(request, *args, **kwargs)


class OneInvoice(RetrieveModelMixin, _OwnInvoices):
    """GET /subscriptions/invoices/{id}."""

    @extend_schema(operation_id="subscriptions_invoice", tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one invoice."""
        return self.retrieve(request, *args, **kwargs)


class StripeWebhook(APIView):
    """POST /subscriptions/webhooks/stripe: Stripe's own door, opened by its signature alone."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="subscriptions_webhook_stripe",
        tags=TAGS,
        request={"application/json": {"type": "object"}},
        responses=ReceiptSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Take in a report of Stripe. Whatever it says is only the occasion to ask Stripe how things stand."""
        body, signature = request._request.body, request.headers.get("Stripe-Signature", "")
        event = intake.take_in(body=body, signature=signature)
        return Response({"state": event.state})
