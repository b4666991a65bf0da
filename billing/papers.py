"""What is written down when money moves: orders, invoices, the audit of plan changes, what providers reported.

People are named by number alone, without a constraint, where the paper has to outlive the account.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wisqu.api.ids import uuid7


class Interval(models.TextChoices):
    """How long one payment lasts."""

    MONTH = "month", _("Monthly")
    YEAR = "year", _("Yearly")


class ProviderName(models.TextChoices):
    """Who takes the money."""

    SANDBOX = "sandbox", "Sandbox"
    MANUAL = "manual", _("By invoice")
    STRIPE = "stripe", "Stripe"


def _kept_user(related_name: str) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name=related_name,
    )


class Order(models.Model):
    """A wish to pay for a plan. It grants nothing: only a verified payment or an act of staff closes it as paid."""

    class Kind(models.TextChoices):
        """What paying it does."""

        START = "start", _("New subscription")
        UPGRADE = "upgrade", _("Upgrade")
        RENEWAL = "renewal", _("Renewal")

    class State(models.TextChoices):
        """Open ends as one of the others, once."""

        OPEN = "open", _("Open")
        PAID = "paid", _("Paid")
        DECLINED = "declined", _("Declined")
        CANCELED = "canceled", _("Canceled")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="orders")
    plan = models.ForeignKey("billing.PlanLimit", on_delete=models.PROTECT, related_name="+")
    interval = models.CharField(max_length=5, choices=Interval.choices, default=Interval.MONTH)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    provider = models.CharField(max_length=7, choices=ProviderName.choices)
    provider_ref = models.CharField(max_length=255, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3, default="USD")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            # Whoever changes their mind leaves one wish behind, not several that could all be paid.
            models.UniqueConstraint(fields=["user"], condition=Q(state="open"), name="order_one_open"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="order_amount_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.plan_id} ({self.state})"


class InvoiceNumber(models.Model):
    """The last number given to an invoice of ours in a year. Drawn inside the invoice's transaction: no gaps."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class Invoice(models.Model):
    """What somebody owes or has paid. A paid one is the receipt. Amounts are exact, in the invoice's currency."""

    class State(models.TextChoices):
        """Where the invoice stands."""

        DRAFT = "draft", _("Draft")
        OPEN = "open", _("Open")
        PAID = "paid", _("Paid")
        VOID = "void", _("Void")
        UNCOLLECTIBLE = "uncollectible", _("Uncollectible")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = _kept_user("invoices")
    number = models.CharField(max_length=64, unique=True)
    provider = models.CharField(max_length=7, choices=ProviderName.choices)
    provider_ref = models.CharField(max_length=255, blank=True)
    order = models.ForeignKey(
        Order, on_delete=models.SET_NULL, null=True, blank=True, related_name="invoices"
    )
    state = models.CharField(max_length=13, choices=State.choices, default=State.OPEN)
    plan = models.CharField(max_length=32, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    # Three places: some currencies have them.
    subtotal = models.DecimalField(max_digits=14, decimal_places=3)
    tax = models.DecimalField(max_digits=14, decimal_places=3, default=Decimal(0))
    total = models.DecimalField(max_digits=14, decimal_places=3)
    paid = models.DecimalField("amount paid", max_digits=14, decimal_places=3, default=Decimal(0))
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    issued_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-issued_at"]
        indexes: ClassVar = [
            models.Index(fields=["user", "-issued_at"], name="invoice_of_user"),
            # All that adding up receipts needs, so that it reads no row of the table.
            models.Index(
                fields=["paid_at", "plan", "currency", "paid", "tax"],
                condition=Q(state="paid"),
                name="invoice_paid",
            ),
            models.Index(fields=["due_at"], condition=Q(state="open"), name="invoice_open"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "provider_ref"], condition=~Q(provider_ref=""), name="invoice_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="paid") | Q(paid_at__isnull=False), name="invoice_paid_has_moment"
            ),
        ]

    def __str__(self) -> str:
        return self.number


class InvoiceLine(models.Model):
    """One line of an invoice; a credit for unused time is below zero."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField(default=0)
    description = models.CharField(max_length=500)
    quantity = models.PositiveIntegerField(default=1)
    amount = models.DecimalField(max_digits=14, decimal_places=3)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return self.description


class AuditIsAppendOnly(Exception):
    """Somebody tried to change or delete an audit entry."""


class AuditQuerySet(models.QuerySet["SubscriptionChange"]):
    """Reads and adds; refuses the rest. The database refuses it too, by trigger."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise AuditIsAppendOnly("Audit entries are never changed.")

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AuditIsAppendOnly("Audit entries are never deleted.")


class SubscriptionChange(models.Model):
    """One change of a subscription: what, who, why, from what to what. Never changed, never deleted."""

    class By(models.TextChoices):
        """What kind of hand it was."""

        PERSON = "person", _("The person")
        STAFF = "staff", _("Staff")
        PROVIDER = "provider", _("Payment provider")
        SYSTEM = "system", _("Time")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = _kept_user("subscription_changes")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    verb = models.CharField(max_length=20)
    by = models.CharField(max_length=8, choices=By.choices)
    actor = models.CharField(
        max_length=64, blank=True, help_text="The number of the person, or the provider's name."
    )
    why = models.CharField(max_length=300, blank=True)
    # What caused it, where that has a name: an order, an event. One cause is written down once.
    cause = models.CharField(max_length=128, blank=True)
    plan_before = models.CharField(max_length=32, blank=True)
    plan_after = models.CharField(max_length=32)
    status_before = models.CharField(max_length=10, blank=True)
    status_after = models.CharField(max_length=10)
    paid_until = models.DateTimeField(null=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = "change of a subscription"
        verbose_name_plural = "changes of subscriptions"
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["user", "-created_at"], name="change_of_user")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "verb", "cause"], condition=~Q(cause=""), name="change_once_a_cause"
            )
        ]

    def __str__(self) -> str:
        return f"{self.verb}: {self.plan_before} → {self.plan_after}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the entry; raises AuditIsAppendOnly when it is stored already."""
        if not self._state.adding:
            raise AuditIsAppendOnly("Audit entries are never changed.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise AuditIsAppendOnly("Audit entries are never deleted.")


class WebhookEvent(models.Model):
    """A report of a provider whose signature held, stored before it is handled.

    Of the payload only the ids are kept: they are all that handling uses, since the objects are fetched fresh,
    and so no address of a person lies here.
    """

    class State(models.TextChoices):
        """Whether it has had its effect."""

        RECEIVED = "received", _("Received")
        HANDLED = "handled", _("Handled")
        IGNORED = "ignored", _("Of no interest")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(max_length=7, choices=ProviderName.choices)
    event_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=100)
    happened_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now, db_index=True)
    refs = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-received_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="webhook_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["received_at"], condition=Q(state__in=("failed", "received")), name="webhook_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class ProviderPrice(models.Model):
    """A price at a provider and the plan that it is the price of. Prices that are not here grant nothing."""

    ref = models.CharField(primary_key=True, max_length=255)
    provider = models.CharField(max_length=7, choices=ProviderName.choices)
    plan = models.ForeignKey("billing.PlanLimit", on_delete=models.CASCADE, related_name="provider_prices")
    interval = models.CharField(max_length=5, choices=Interval.choices)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3, default="USD")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.plan_id} {self.amount} {self.currency} a {self.interval}"


class BillingMail(models.Model):
    """A mail that is owed to somebody, once. Written with what it tells of, sent afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="billing_mails")
    kind = models.CharField(max_length=20)
    about = models.CharField(max_length=128, help_text="What it is about; the same is told once.")
    values = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "kind", "about"], name="billing_mail_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=Q(sent_at=None), name="billing_mail_to_send")
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.about})"
