"""What a payment provider does for us. Each may talk to a network: never call one inside a transaction."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings

from billing.models import Order, PlanLimit, ProviderName, Subscription
from wisqu.api.problems import Problem


@dataclass(frozen=True, slots=True)
class ReturnUrls:
    """Where a provider sends the person back to: absolute addresses of our own pages."""

    paid: str
    left: str


class ProviderUnavailable(Problem):
    """The provider can't be reached, or has refused us; nothing was changed."""

    status = 503
    code = "payment_provider_unavailable"
    detail = "The payment provider can't be reached. Nothing was changed; try again in a moment."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "10"})


class PaymentDeclined(Problem):
    """The provider could not take the money; nothing was changed."""

    status = 402
    code = "payment_declined"
    detail = "The payment was declined. Nothing was changed; try another way to pay."


class Provider(Protocol):
    """One way to pay.

    `keeps_subscriptions` tells who renews: such a provider holds the subscription itself, changes it when told to,
    and reports what happened. For the others each payment is an order, and our own jobs renew.
    """

    name: ProviderName
    keeps_subscriptions: bool

    def start_checkout(self, *, order: Order, urls: ReturnUrls) -> str:
        """Return the address at which the person pays the order."""

    def drop_checkout(self, *, order: Order) -> None:
        """See to it that an order that was given up can't be paid any more."""

    def change_plan(
        self, *, subscription: Subscription, plan: PlanLimit, interval: str, at_once: bool
    ) -> None:
        """Move a kept subscription: at once with the difference paid now, or from the next payment on.

        Raises PaymentDeclined when the difference can't be paid.
        """

    def cancel(self, *, subscription: Subscription, now: bool) -> None:
        """Take no more money: from now on, or from the end of the paid time."""

    def resume(self, *, subscription: Subscription) -> None:
        """Go on taking money as before a cancellation."""

    def portal_url(self, *, subscription: Subscription, return_url: str) -> str | None:
        """Return the address at which the person changes how they pay; None where there is none."""

    def refresh(self, *, subscription: Subscription) -> None:
        """Ask how a kept subscription stands, and note it."""

    def refresh_order(self, *, order: Order) -> None:
        """Ask what became of an order's checkout, and note what was paid."""

    def forget(self, *, subscription: Subscription) -> None:
        """End everything for a person whose account is erased, personal data included."""


def provider(name: str) -> Provider:
    """Return the provider. Raises ProviderUnavailable for the sandbox outside development, and for an unknown one."""
    if name not in ProviderName.values or (name == ProviderName.SANDBOX and not settings.DEBUG):
        raise ProviderUnavailable
    module = importlib.import_module(f"billing.payments.{name}")  # Stripe's SDK takes half a second to import
    found: Provider = module.PROVIDER
    return found
