"""Django's entry of the app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Plans, usage periods, reservations and the ledger."""

    name = "billing"
    verbose_name = "Billing"
