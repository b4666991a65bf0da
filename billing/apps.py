"""Django's entry of the app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Plans, usage periods, reservations and the ledger."""

    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Add the books to what a person can take along."""
        from billing.exports import billing_of
        from wisqu.accounts import exports

        exports.register("billing", billing_of)
