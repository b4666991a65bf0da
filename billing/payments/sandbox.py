"""A provider for development that takes no money: its page lets one play what a bank would answer."""

from __future__ import annotations

from urllib.parse import urlencode

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing.models import Order, PlanLimit, ProviderName, Subscription
from billing.payments.base import ReturnUrls


class Answer(models.TextChoices):
    """What the played bank says. The values are those of the page's buttons."""

    PAY = "pay", _("Pay")
    PAY_ONCE = "pay_once", _("Pay now, decline renewals")
    DECLINE = "decline", _("Decline the card")
    REFUSE_3DS = "refuse_3ds", _("Refuse 3-D Secure")

    @property
    def pays(self) -> bool:
        """Whether money would have moved."""
        return self in (Answer.PAY, Answer.PAY_ONCE)


class Sandbox:
    """Orders are paid on a page of ours; there is nobody else to tell."""

    name = ProviderName.SANDBOX
    keeps_subscriptions = False

    def start_checkout(self, *, order: Order, urls: ReturnUrls) -> str:
        """Return the page that plays the bank."""
        return f"{reverse('sandbox_page', args=[order.pk])}?{urlencode({'back': urls.paid})}"

    def drop_checkout(self, *, order: Order) -> None:
        """Do nothing: the page refuses a closed order."""

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


PROVIDER = Sandbox()
