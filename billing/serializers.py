"""Plans, subscriptions and usage as the API shows them. Money is a JSON number of USD."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.models import Feature, PlanLimit, Subscription

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
    limits = LimitsSerializer(source="*")
    features = FeaturesSerializer(source="*")

    class Meta:
        model = PlanLimit
        fields = ("slug", "name", "price_usd", "limits", "features")


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
        fields = ("id", "status", "plan", "started_at", "period_start", "period_end")


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
