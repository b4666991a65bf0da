"""Django's entry of the app."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """Questions to the people behind the site, and their answers."""

    name = "support"
    verbose_name = "Support"

    def ready(self) -> None:
        """Add the tickets to what a person can take along."""
        from support.exports import tickets_of
        from wisqu.accounts import exports

        exports.register("support", tickets_of)
