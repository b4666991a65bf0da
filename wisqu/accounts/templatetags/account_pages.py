"""What the account pages ask the settings."""

from __future__ import annotations

from django import template
from django.conf import settings

from wisqu.accounts import demo
from wisqu.accounts.models import User

register = template.Library()


@register.simple_tag
def mail_goes_to_console() -> bool:
    """Tell whether mail is only printed: on a developer's machine the page then says where to look."""
    return bool(settings.DEBUG and settings.EMAIL_BACKEND.endswith("console.EmailBackend"))


@register.simple_tag
def demo_account() -> dict[str, str] | None:
    """Return how to look around on a development server that has the demo accounts."""
    email = demo.ACCOUNTS[0].email
    if not settings.DEBUG or not User.objects.filter(email=email).exists():
        return None
    return {"email": email, "password": demo.PASSWORD}
