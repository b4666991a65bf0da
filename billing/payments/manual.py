"""Payment by invoice: the person orders, staff see the money arrive and approve."""

from __future__ import annotations

from django.urls import reverse

from billing.models import Order, PlanLimit, ProviderName, Subscription
from billing.payments.base import ReturnUrls


class Manual:
    """An order waits for staff (`billing.orders.approve`); its invoice tells what to pay."""

    name = ProviderName.MANUAL
    keeps_subscriptions = False

    def start_checkout(self, *, order: Order, urls: ReturnUrls) -> str:
        """Return the page of the invoice."""
        invoice = order.invoices.get()
        return reverse("invoice_page", args=[invoice.pk])

    def drop_checkout(self, *, order: Order) -> None:
        """Do nothing: closing the order voids its invoice."""

    def change_plan(
        self, *, subscription: Subscription, plan: PlanLimit, interval: str, at_once: bool
    ) -> None:
        """Do nothing: every payment is an order."""

    def cancel(self, *, subscription: Subscription, now: bool) -> None:
        """Do nothing: nobody charges by themselves."""

    def resume(self, *, subscription: Subscription) -> None:
        """Do nothing: nobody charges by themselves."""

    def portal_url(self, *, subscription: Subscription, return_url: str) -> str | None:
        """Return None: there is no card to change."""
        return None

    def refresh(self, *, subscription: Subscription) -> None:
        """Do nothing: what we know is all there is."""

    def refresh_order(self, *, order: Order) -> None:
        """Do nothing: what we know is all there is."""

    def forget(self, *, subscription: Subscription) -> None:
        """Do nothing: nobody else knows of the person."""


PROVIDER = Manual()
