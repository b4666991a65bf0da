"""What the account pages ask the settings."""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def mail_goes_to_console() -> bool:
    """Tell whether mail is only printed: on a developer's machine the page then says where to look."""
    return bool(settings.DEBUG and settings.EMAIL_BACKEND.endswith("console.EmailBackend"))
