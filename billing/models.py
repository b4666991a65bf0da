"""Plans, subscriptions, the counters of a usage period, and holds on them; all tables of billing by their names."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.amounts import MEASURES, Amounts
from billing.entries import AppendOnly, LedgerEntry, not_negative
from billing.notes import QuotaGrant, UsageRepair, UsageWarning
from billing.papers import (
    BillingMail,
    Interval,
    Invoice,
    InvoiceLine,
    InvoiceNumber,
    Order,
    ProviderName,
    ProviderPrice,
    SubscriptionChange,
    WebhookEvent,
)
from billing.periods import Period, period
from wisqu.api.ids import uuid7

__all__ = [
    "GRACE",
    "SECONDS_A_MINUTE",
    "AppendOnly",
    "BillingMail",
    "Feature",
    "Interval",
    "Invoice",
    "InvoiceLine",
    "InvoiceNumber",
    "LedgerEntry",
    "MonthlyUsageQuota",
    "Order",
    "PlanLimit",
    "ProviderName",
    "ProviderPrice",
    "QuotaGrant",
    "Reservation",
    "Subscription",
    "SubscriptionChange",
    "UsageRepair",
    "UsageWarning",
    "WebhookEvent",
]

SECONDS_A_MINUTE = 60
# How long a plan holds after a payment has failed, or has not come.
GRACE = timedelta(days=7)
# Providers charge some time after a period has ended; until then nothing is wrong.
PROVIDERS_TAKE = timedelta(days=1)


class Feature(models.TextChoices):
    """What a plan has or has not; each name is a column of `PlanLimit`."""

    WEB_SEARCH = "web_search", "Web search"
    IMAGE_GENERATION = "image_generation", "Image generation"
    PDF = "pdf", "PDF"
    AUDIO = "audio", "Audio"
    PROMPT_CACHING = "prompt_caching", "Prompt caching"
    ADVANCED_MODELS = "advanced_models", "Advanced models"
    QUOTATION_REPAIR = "quotation_repair", "Repair of quotations"
    PRIORITY_SUPPORT = "priority_support", "Priority support"


class PlanLimit(models.Model):
    """One plan: what it costs, how much of each measure a period holds, and its features.

    An empty limit means without limit; 0 means none at all.
    """

    slug = models.SlugField(primary_key=True, max_length=32)
    name = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField(default=0, help_text="The smallest plan comes first.")
    price_usd = models.DecimalField("USD a month", max_digits=10, decimal_places=2, default=0)
    price_usd_year = models.DecimalField(
        "USD a year",
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Empty: paid by the month only.",
    )

    messages = models.PositiveBigIntegerField("messages a month", null=True, blank=True)
    tokens = models.PositiveBigIntegerField("tokens a month", null=True, blank=True)
    images = models.PositiveBigIntegerField("images a month", null=True, blank=True)
    documents = models.PositiveBigIntegerField("documents a month", null=True, blank=True)
    audio_minutes = models.PositiveBigIntegerField("audio minutes a month", null=True, blank=True)
    presets = models.PositiveIntegerField("presets kept", null=True, blank=True)
    max_context = models.PositiveIntegerField("largest context in tokens")
    requests_per_minute = models.PositiveIntegerField("requests a minute")

    web_search = models.BooleanField(default=True)
    image_generation = models.BooleanField(default=False)
    pdf = models.BooleanField("PDF", default=False)
    audio = models.BooleanField(default=False)
    prompt_caching = models.BooleanField(default=False)
    advanced_models = models.BooleanField(default=False)
    quotation_repair = models.BooleanField(default=False)
    priority_support = models.BooleanField(default=False)

    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(price_usd__gte=0), name="plan_price_not_negative"),
            models.CheckConstraint(
                condition=Q(price_usd_year=None) | Q(price_usd_year__gt=0), name="plan_yearly_price_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def audio_seconds(self) -> int | None:
        """The audio limit in seconds, the unit that use is counted in."""
        return None if self.audio_minutes is None else self.audio_minutes * SECONDS_A_MINUTE

    @property
    def is_free(self) -> bool:
        """Whether nobody ever pays for it."""
        return not self.price_usd

    def price(self, interval: str) -> Decimal | None:
        """Return what the interval costs in USD; None where the plan is not sold by it."""
        return self.price_usd_year if interval == Interval.YEAR else self.price_usd

    def limit(self, measure: str) -> int | None:
        """Return how much of the measure a period holds; None is without limit."""
        found: int | None = getattr(self, measure)
        return found

    def has(self, feature: Feature) -> bool:
        """Tell whether the plan has the feature."""
        return bool(getattr(self, feature.value))


class Subscription(models.Model):
    """The one plan that a user is on. Its `started_at` is the anchor of all usage periods."""

    class Status(models.TextChoices):
        """Where a subscription stands."""

        TRIALING = "trialing", _("Trialing")
        ACTIVE = "active", _("Active")
        PAST_DUE = "past_due", _("Past due")
        CANCELED = "canceled", _("Canceled")
        EXPIRED = "expired", _("Expired")

    # A past due plan still holds: the person gets time to pay before it ends.
    GRANTING: ClassVar = frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE})

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscription"
    )
    plan = models.ForeignKey(PlanLimit, on_delete=models.PROTECT, related_name="subscriptions")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    started_at = models.DateTimeField(default=timezone.now)

    # Who takes the money for it; empty: nobody does, staff gave it or it is free.
    provider = models.CharField(max_length=7, choices=ProviderName.choices, blank=True)
    interval = models.CharField(max_length=5, choices=Interval.choices, default=Interval.MONTH)
    # What is paid for; both empty: without end.
    paid_from = models.DateTimeField(null=True, blank=True)
    paid_until = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    pending_plan = models.ForeignKey(
        PlanLimit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The smaller plan that begins when the paid time ends.",
    )
    grace_until = models.DateTimeField(null=True, blank=True)
    customer_ref = models.CharField(max_length=255, blank=True)
    subscription_ref = models.CharField(max_length=255, blank=True)
    # Raised by every change, so that what was read from a provider before one is not written after it.
    version = models.PositiveIntegerField(default=0, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "customer_ref"],
                condition=~Q(customer_ref=""),
                name="subscription_customer_once",
            ),
            models.UniqueConstraint(
                fields=["provider", "subscription_ref"],
                condition=~Q(subscription_ref=""),
                name="subscription_ref_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["paid_until"],
                condition=Q(status__in=("trialing", "active", "past_due")),
                name="subscription_due",
            ),
            models.Index(fields=["paid_until"], condition=Q(status="past_due"), name="subscription_past_due"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.plan_id}"

    @property
    def grants_plan(self) -> bool:
        """Whether the plan's limits hold now; otherwise those of the Free plan do."""
        return self.status_at(timezone.now()) in self.GRANTING

    def status_at(self, now: datetime) -> Status:
        """Return where the subscription stands at that moment, whether or not a job has noted it yet."""
        status = self.Status(self.status)
        if status not in self.GRANTING or self.paid_until is None:
            return status
        over = now >= self.paid_until
        if over and self.cancel_at_period_end:
            return self.Status.CANCELED
        if over and status == self.Status.TRIALING and not self.provider:
            return self.Status.EXPIRED
        if now >= self.grace_ends_at:
            return self.Status.EXPIRED
        if status == self.Status.ACTIVE and now >= self.paid_until + PROVIDERS_TAKE:
            return self.Status.PAST_DUE
        return status

    @property
    def grace_ends_at(self) -> datetime:
        """When the plan ends if nobody pays; call it only where something is paid for."""
        assert self.paid_until
        return max(self.grace_until or self.paid_until + GRACE, self.paid_until)

    def pending_is_due(self, now: datetime) -> bool:
        """Tell whether the smaller plan that was chosen holds by now."""
        return bool(self.pending_plan_id and self.paid_until and now >= self.paid_until)

    @property
    def present_period(self) -> Period:
        """The usage period of now."""
        return self.period(timezone.now())

    def period(self, now: datetime) -> Period:
        """Return the usage period that `now` falls in."""
        return period(self.started_at, now)


class MonthlyUsageQuota(models.Model):
    """The counters of one user's usage period: what is used, and what running work holds.

    A cache of the ledger. Changed by `billing.quota` alone, by conditional updates.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quotas")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()

    used_messages = models.BigIntegerField(default=0)
    used_tokens = models.BigIntegerField(default=0)
    used_images = models.BigIntegerField(default=0)
    used_documents = models.BigIntegerField(default=0)
    used_audio_seconds = models.BigIntegerField(default=0)

    held_messages = models.BigIntegerField(default=0)
    held_tokens = models.BigIntegerField(default=0)
    held_images = models.BigIntegerField(default=0)
    held_documents = models.BigIntegerField(default=0)
    held_audio_seconds = models.BigIntegerField(default=0)

    # On top of the plan's limits, in this period alone: the sums of `QuotaGrant`.
    extra_messages = models.BigIntegerField(default=0)
    extra_tokens = models.BigIntegerField(default=0)
    extra_images = models.BigIntegerField(default=0)
    extra_documents = models.BigIntegerField(default=0)
    extra_audio_seconds = models.BigIntegerField(default=0)

    cost_usd = models.DecimalField(max_digits=20, decimal_places=12, default=0)
    # Below zero while a period has written more to prompt caches than it has read back.
    cache_savings_usd = models.DecimalField(max_digits=20, decimal_places=12, default=0)

    class Meta:
        verbose_name = "usage period"
        ordering: ClassVar = ["-period_start"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "period_start"], name="quota_one_a_period"),
            models.CheckConstraint(
                condition=not_negative(*(f"used_{measure}" for measure in MEASURES), "cost_usd"),
                name="quota_used_not_negative",
            ),
            models.CheckConstraint(
                condition=not_negative(*(f"held_{measure}" for measure in MEASURES)),
                name="quota_held_not_negative",
            ),
            models.CheckConstraint(
                condition=not_negative(*(f"extra_{measure}" for measure in MEASURES)),
                name="quota_extra_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(period_end__gt=F("period_start")), name="quota_period_has_length"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} from {self.period_start:%Y-%m-%d}"

    def used(self, measure: str) -> int:
        """Return how much of the measure is used."""
        return int(getattr(self, f"used_{measure}"))

    def held(self, measure: str) -> int:
        """Return how much of the measure running work holds."""
        return int(getattr(self, f"held_{measure}"))

    def limit(self, plan: PlanLimit, measure: str) -> int | None:
        """Return how much of the measure this period holds under the plan; None is without limit."""
        limit = plan.limit(measure)
        return None if limit is None else limit + int(getattr(self, f"extra_{measure}"))


class Reservation(models.Model):
    """A hold on a usage period for work that is under way; it ends settled or released."""

    class State(models.TextChoices):
        """Held counts against the limit; the other two don't."""

        HELD = "held", "Held"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"

    key = models.UUIDField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reservations")
    # Together with the user this names the period; no id, so that holding needs no look-up of one.
    period_start = models.DateTimeField()
    plan = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=State.choices, default=State.HELD)
    messages = models.PositiveBigIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    images = models.PositiveBigIntegerField(default=0)
    documents = models.PositiveBigIntegerField(default=0)
    audio_seconds = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], condition=Q(state="held"), name="reservation_to_sweep")
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"

    @property
    def amounts(self) -> Amounts:
        """What is, or was, held."""
        return Amounts(**{measure: getattr(self, measure) for measure in MEASURES})
