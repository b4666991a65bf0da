"""The console: what staff see and do. It reads all other apps, and none of them knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    """Tables of the console's own: the audit log and the history of plans."""

    name = "console"
    verbose_name = _("Console")

    def ready(self) -> None:
        """Hear from allauth when somebody has set up a second factor; let the tables' names be translated."""
        from allauth.mfa.signals import authenticator_added

        from console import names
        from console.secondfactor import remember

        names.translate()
        authenticator_added.connect(remember, dispatch_uid="console.second-factor")
