"""The operator's desk for subscriptions, orders, invoices and reports. Every change goes through the verbs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing import orders, subscriptions
from billing.adminbase import ReadOnlyAdmin
from billing.models import (
    BillingMail,
    Invoice,
    InvoiceLine,
    Order,
    ProviderName,
    Subscription,
    SubscriptionChange,
    WebhookEvent,
)
from billing.payments import intake
from billing.subscriptions import Reason
from wisqu.api.problems import Problem


class WhyForm(ActionForm):
    """Asks beside the action for the reason that the audit keeps."""

    why = forms.CharField(required=False, max_length=200, label=_("Why (kept in the audit)"))


def _staff(request: HttpRequest) -> UUID:
    assert request.user.pk
    return request.user.pk


def _why(request: HttpRequest) -> str:
    """Return the reason that was typed, or nothing and a word to the reader."""
    why = request.POST.get("why", "").strip()
    if not why:
        messages.error(request, gettext("Say why: the audit keeps it."))
    return why


class SubscriptionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Puts somebody on a plan without payment, or on trial. Nothing else of a subscription is staff's to write."""

    trial_days = forms.IntegerField(
        label=_("Days of trial"),
        required=False,
        min_value=1,
        max_value=366,
        help_text=_("Empty: without end. A trial ends by itself."),
    )
    why = forms.CharField(label=_("Why"), max_length=200, help_text=_("The audit keeps it."))

    class Meta:
        model = Subscription
        fields = ("plan",)

    def clean(self) -> dict[str, Any]:
        """Refuse while a provider would go on charging."""
        if self.instance.subscription_ref:
            raise ValidationError(_("Stripe charges for the present plan. Cancel that first, in the list."))
        return super().clean() or {}


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who is on which plan, and how it is paid."""

    form = SubscriptionForm
    action_form = WhyForm
    actions = ("cancel_now", "ask_provider")
    list_display = ("user", "plan", "status", "provider", "interval", "paid_until", "cancel_at_period_end")
    list_filter = ("plan", "status", "provider", "interval")
    list_select_related = ("user", "plan")
    search_fields = ("user__email", "=customer_ref", "=subscription_ref")
    readonly_fields = (
        "user",
        "status",
        "provider",
        "interval",
        "started_at",
        "paid_from",
        "paid_until",
        "cancel_at_period_end",
        "pending_plan",
        "grace_until",
        "customer_ref",
        "subscription_ref",
        "updated_at",
    )
    fields = ("user", "plan", "trial_days", "why", *readonly_fields[1:])

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds by hand: everybody has one, made with the first question."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Along with its user only, and not while Stripe would go on charging for it."""
        match = request.resolver_match
        with_user = bool(match and (match.url_name or "").startswith("accounts_user_"))
        return with_user and not getattr(obj, "subscription_ref", "")

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        """Let the verb do it, so that the audit has it."""
        reason, days = (
            Reason.staff(_staff(request), form.cleaned_data["why"]),
            form.cleaned_data["trial_days"],
        )
        plan = form.cleaned_data["plan"]
        if days:
            subscriptions.start_trial(user_id=obj.user_id, plan=plan, days=days, reason=reason)
        else:
            subscriptions.grant(user_id=obj.user_id, plan=plan, reason=reason)

    @admin.action(description=_("Cancel now, also at the provider"), permissions=["change"])
    def cancel_now(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        """End plans at once; nobody is charged any more."""
        why = _why(request)
        for subscription in chosen.select_related("user") if why else ():
            try:
                orders.cancel(user=subscription.user, now=True, reason=Reason.staff(_staff(request), why))
            except Problem as refusal:
                messages.error(request, f"{subscription.user}: {refusal.detail}")

    @admin.action(description=_("Ask the provider how it stands"), permissions=["change"])
    def ask_provider(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        """Bring rows to what the provider says."""
        for subscription in chosen.select_related("user"):
            try:
                orders.refresh(user=subscription.user)
            except Problem as refusal:
                messages.error(request, f"{subscription.user}: {refusal.detail}")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Wishes to pay. A manual one is approved here, once the money was seen."""

    action_form = WhyForm
    actions = ("approve", "decline")
    list_display = (
        "created_at",
        "user",
        "plan",
        "interval",
        "kind",
        "amount",
        "currency",
        "provider",
        "state",
    )
    list_filter = ("state", "provider", "kind", "plan")
    list_select_related = ("user", "plan")
    search_fields = ("user__email", "=invoices__number", "=provider_ref")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Let those approve who were given the right to change orders."""
        return request.user.has_perm("billing.change_order")

    @admin.action(description=_("The money has arrived: approve"), permissions=["approve"])
    def approve(self, request: HttpRequest, chosen: QuerySet[Order]) -> None:
        """Take manual orders as paid; of two who approve at once, one does."""
        why = _why(request)
        for order in chosen.filter(provider=ProviderName.MANUAL) if why else ():
            if orders.approve(order_id=order.pk, staff_id=_staff(request), why=why):
                messages.success(request, gettext("%(order)s: approved.") % {"order": order})
            else:
                messages.warning(request, gettext("%(order)s: it was closed already.") % {"order": order})

    @admin.action(description=_("The money does not come: decline"), permissions=["approve"])
    def decline(self, request: HttpRequest, chosen: QuerySet[Order]) -> None:
        """Close manual orders unpaid."""
        why = _why(request)
        for order in chosen.filter(provider=ProviderName.MANUAL) if why else ():
            orders.decline(order_id=order.pk, why=why, reason=Reason.staff(_staff(request), why))


class InvoiceLineInline(admin.TabularInline):  # type: ignore[type-arg]
    """The lines of an invoice."""

    model = InvoiceLine
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes by hand."""
        return False


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """Invoices and receipts. Those of an erased account show its number alone."""

    inlines = (InvoiceLineInline,)
    list_display = ("number", "issued_at", "who", "plan", "amount", "currency", "state", "provider")
    list_filter = ("state", "provider", "plan", "issued_at")
    list_select_related = ("user",)
    search_fields = ("number", "user__email", "=provider_ref")
    date_hierarchy = "issued_at"

    @admin.display(description=_("total"), ordering="total")
    def amount(self, invoice: Invoice) -> str:
        """Return the amount with two places, or as many as its currency has."""
        return f"{invoice.total:.2f}" if invoice.total == round(invoice.total, 2) else str(invoice.total)

    @admin.display(description=_("user"), ordering="user_id")
    def who(self, invoice: Invoice) -> Any:
        """Return the user where the account still exists, else its id."""
        return invoice.user or invoice.user_id


@admin.register(SubscriptionChange)
class SubscriptionChangeAdmin(ReadOnlyAdmin):
    """The audit: who changed which subscription, and why."""

    list_display = ("created_at", "who", "verb", "plan_before", "plan_after", "status_after", "by", "why")
    list_filter = ("verb", "by", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "=actor", "=cause")
    date_hierarchy = "created_at"

    @admin.display(description=_("user"), ordering="user_id")
    def who(self, change: SubscriptionChange) -> Any:
        """Return the user where the account still exists, else its id."""
        return change.user or change.user_id


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    """Reports of providers; any can be handled again, as often as one likes."""

    actions = ("replay",)
    list_display = ("received_at", "kind", "event_id", "state", "attempts", "error")
    list_filter = ("state", "kind", "received_at")
    search_fields = ("=event_id", "error")
    date_hierarchy = "received_at"

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Let those replay who were given the right to change reports."""
        return request.user.has_perm("billing.change_webhookevent")

    @admin.action(description=_("Handle again"), permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[WebhookEvent]) -> None:
        """Handle reports again, the oldest first."""
        for event in chosen.order_by("happened_at"):
            intake.handle(event)
            messages.info(request, f"{event}: {event.get_state_display()}. {event.error}")


@admin.register(BillingMail)
class BillingMailAdmin(ReadOnlyAdmin):
    """Mails that were owed, and when they were sent."""

    list_display = ("created_at", "user", "kind", "about", "sent_at", "attempts")
    list_filter = ("kind", "sent_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
