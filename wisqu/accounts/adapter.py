"""What we decide for allauth: our throttles, our mails, and answers that never tell who has an account."""

from __future__ import annotations

import logging
import smtplib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from wisqu.accounts import throttle

log = logging.getLogger(__name__)


class Adapter(DefaultAccountAdapter):
    """allauth asks here."""

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a try of a password on the pages by the same count as on the API."""
        try:
            throttle.count_password_try(
                account=credentials.get("email") or credentials.get("username") or "",
                address=self.get_client_ip(request),
            )
        except throttle.TooManyTries as refusal:
            message = _("Too many attempts. Try again in %(seconds)d seconds.") % {"seconds": refusal.seconds}
            raise ValidationError(message, code=refusal.code) from None

    def _rollback_login_failed_rl_usage(self) -> None:
        """allauth's count of failures is not in use."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Forget the account's failures after a right password."""
        user = super().authenticate(request, **credentials)
        if user is not None:
            throttle.forget_password_tries(account=user.email)
        return user

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address the server saw; the server decides which proxy it believes."""
        return str(request.META.get("REMOTE_ADDR") or "unknown")

    def unstash_verified_email(self, request: HttpRequest) -> None:
        """No address is ever verified before its account exists; the API has no session to ask."""

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """See `unstash_verified_email`."""
        return False

    def is_ajax(self, request: HttpRequest) -> bool:
        """Pages answer in HTML, always; programs have the API."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail; a mail server that is down must not become a page that fails."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, smtplib.SMTPException) as error:
            log.error("mail not sent", extra={"template": template_prefix, "error": type(error).__name__})
