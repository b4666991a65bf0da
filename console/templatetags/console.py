"""Filters for the console's pages."""

from __future__ import annotations

from typing import Any

from django.template import Library
from django.utils.translation import gettext, pgettext

from chat.models import Message
from chat.receipts import figure
from console import answers, planversions

register = Library()


@register.filter
def answer_state(status: str) -> str:
    """Return how an answer stands, in the reader's language."""
    return {
        "streaming": gettext("Being written"),
        "done": gettext("Done"),
        "stopped": gettext("Stopped"),
        "failed": pgettext("an answer", "Failed"),
    }.get(status, status)


@register.filter
def with_reasons(messages: list[Message]) -> list[tuple[Message, str]]:
    """Return answers, each with the reason for which it failed."""
    return [(message, answers.why(message)) for message in messages]


@register.filter
def signed(number: int) -> str:
    """Return a whole number with its sign."""
    return f"{'−' if number < 0 else '+'}{figure(abs(number))}"


@register.filter
def said(value: Any) -> str:
    """Return a value of a plan as people read it."""
    return planversions.said(value)


@register.filter
def span_seconds(milliseconds: int | None) -> str:
    """Return a duration in seconds."""
    from console.overview import seconds

    return seconds(milliseconds)
