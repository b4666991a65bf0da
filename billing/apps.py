"""Django's entry of the app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Plans, usage periods, reservations and the ledger."""

    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Add the books to what a person can take along, and let plans say how often one may ask."""
        from billing.exports import billing_of
        from billing.orders import forget
        from billing.rates import requests_per_minute
        from wisqu.accounts import erasure, exports
        from wisqu.api import throttling

        exports.register("billing", billing_of)
        erasure.first(forget)
        throttling.limit_by(requests_per_minute)
