"""Plans, subscriptions and usage as the API shows them. Money is a JSON number of USD."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.models import Feature, Interval, Invoice, InvoiceLine, PlanLimit, Subscription
from wisqu.api.serializers import StrictSerializer

LIMITS = (
    "messages",
    "tokens",
    "images",
    "documents",
    "audio_minutes",
    "presets",
    "max_context",
    "requests_per_minute",
)


class LimitsSerializer(serializers.ModelSerializer[PlanLimit]):
    """How much a month holds; null is without limit."""

    class Meta:
        model = PlanLimit
        fields = LIMITS
        read_only_fields = LIMITS  # else the document tells how large a column of this database is


class FeaturesSerializer(serializers.ModelSerializer[PlanLimit]):
    """What the plan has or has not."""

    class Meta:
        model = PlanLimit
        fields = tuple(Feature.values)


class PlanSerializer(serializers.ModelSerializer[PlanLimit]):
    """One plan."""

    price_usd = serializers.FloatField(help_text="USD a month.")
    price_usd_year = serializers.FloatField(
        allow_null=True, help_text="USD a year; null where the plan is paid by the month only."
    )
    limits = LimitsSerializer(source="*")
    features = FeaturesSerializer(source="*")

    class Meta:
        model = PlanLimit
        fields = ("slug", "name", "price_usd", "price_usd_year", "limits", "features")


class PlanListSerializer(serializers.Serializer[Any]):
    """All plans on one page, the smallest first."""

    results = PlanSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    """The plan that a user is on, and the usage period of now."""

    plan = PlanSerializer()
    period_start = serializers.DateTimeField(source="present_period.start")
    period_end = serializers.DateTimeField(source="present_period.end")

    class Meta:
        model = Subscription
        fields = (
            "id",
            "status",
            "plan",
            "interval",
            "started_at",
            "period_start",
            "period_end",
            "paid_until",
            "cancel_at_period_end",
            "pending_plan",
            "grace_until",
            "provider",
        )
        read_only_fields = fields


class MeterSerializer(serializers.Serializer[Any]):
    """One measure; `limit` and `remaining` are null where there is no limit.

    What running work holds is not used yet, but no longer remaining.
    """

    used = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True)
    remaining = serializers.IntegerField(allow_null=True)


class PeriodUsageSerializer(serializers.Serializer[Any]):
    """What the present usage period holds and has used."""

    messages = MeterSerializer()
    tokens = MeterSerializer()
    images = MeterSerializer()
    documents = MeterSerializer()
    audio_minutes = MeterSerializer()
    total_cost_usd = serializers.FloatField()
    cache_savings_usd = serializers.FloatField()
    period_start = serializers.DateTimeField()
    period_end = serializers.DateTimeField()


class ChoiceSerializer(StrictSerializer):
    """Which plan somebody wants. Nothing else can be asked for: prices and payment are not the asker's to say."""

    plan = serializers.SlugField(max_length=32, help_text="The plan's short name, such as `premium`.")
    interval = serializers.ChoiceField(
        choices=Interval.choices,
        required=False,
        help_text="Without it: as it is paid now, else by the month.",
    )


class OutcomeSerializer(serializers.Serializer[Any]):
    """What came of it."""

    subscription = SubscriptionSerializer()
    checkout_url = serializers.CharField(
        source="pay_at",
        allow_null=True,
        help_text="Where to pay. Null: there is nothing to pay, and the change is made or noted.",
    )


class CancellationSerializer(StrictSerializer):
    """When the plan ends."""

    at = serializers.ChoiceField(
        choices=[("period_end", "At the end of the paid time"), ("now", "Now")], default="period_end"
    )


class NothingSerializer(StrictSerializer):
    """An empty body."""


class PortalSerializer(serializers.Serializer[Any]):
    """Where to manage cards and addresses at the payment provider."""

    url = serializers.URLField()


class InvoiceLineSerializer(serializers.ModelSerializer[InvoiceLine]):
    """One line; a credit is below zero."""

    amount = serializers.FloatField()
    quantity = serializers.IntegerField()  # by the model its largest value would be each database's own

    class Meta:
        model = InvoiceLine
        fields = ("description", "quantity", "amount", "period_start", "period_end")


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """One invoice, in its own currency; a paid one is the receipt."""

    subtotal = serializers.FloatField()
    tax = serializers.FloatField()
    total = serializers.FloatField()
    paid = serializers.FloatField(help_text="How much of it is paid.")
    lines = InvoiceLineSerializer(many=True)

    class Meta:
        model = Invoice
        fields = (
            "id",
            "number",
            "state",
            "plan",
            "currency",
            "subtotal",
            "tax",
            "total",
            "paid",
            "lines",
            "period_start",
            "period_end",
            "issued_at",
            "due_at",
            "paid_at",
        )


class ReceiptSerializer(serializers.Serializer[Any]):
    """What became of a provider's report."""

    state = serializers.CharField(help_text="handled, ignored, or failed (then it is tried again).")


class WarningSerializer(serializers.Serializer[Any]):
    """A measure of which 80 or 100 % are used; told once a period."""

    id = serializers.UUIDField()
    measure = serializers.ChoiceField(["messages", "tokens", "images", "documents", "audio_minutes"])
    percent = serializers.ChoiceField([80, 100])
    used = serializers.IntegerField()
    limit = serializers.IntegerField()
    resets_at = serializers.DateTimeField()
    text = serializers.CharField(help_text="The warning as a sentence.")


class WarningListSerializer(serializers.Serializer[Any]):
    """All warnings that were not dismissed, the most urgent first."""

    results = WarningSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
