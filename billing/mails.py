"""Mails about subscriptions: owed in the transaction of what they tell of, sent afterwards, each once."""

from __future__ import annotations

import logging
import smtplib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from billing.models import BillingMail, Subscription

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 20
# How long before the end of grace the person is reminded.
REMINDERS = {"grace_half": timedelta(days=4), "grace_last": timedelta(days=1)}


def owe(user_id: UUID, kind: str, *, about: str, **values: Any) -> None:
    """Note that a mail has to be sent; the same one, about the same, is noted once."""
    shown = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }
    mail = BillingMail(user_id=user_id, kind=kind, about=about, values=shown)
    BillingMail.objects.bulk_create([mail], ignore_conflicts=True)


def owe_reminders(now: datetime) -> None:
    """Note the reminders of those whose time to pay is running out."""
    late = Subscription.objects.filter(status=Subscription.Status.PAST_DUE, grace_until__gt=now)
    for subscription in late.select_related("plan"):
        until = subscription.grace_until
        assert until
        for kind, before in REMINDERS.items():
            if now >= until - before:
                owe(
                    subscription.user_id,
                    kind,
                    about=until.isoformat(),
                    plan=subscription.plan.name,
                    until=until,
                )


def send_owed() -> int:
    """Send what is owed; return how many were. Of several senders one sends; a failed one is tried again."""
    sent = 0
    owed = BillingMail.objects.filter(sent_at=None, attempts__lt=MOST_ATTEMPTS).select_related("user")
    for mail in owed.order_by("created_at")[:200]:
        mine = BillingMail.objects.filter(pk=mail.pk, sent_at=None)
        if mine.update(sent_at=timezone.now(), attempts=F("attempts") + 1):
            sent += _send(mail)
    return sent


def _send(mail: BillingMail) -> bool:
    subject, body = _written(mail)
    try:
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [mail.user.email]).send()
    except (OSError, smtplib.SMTPException) as error:
        log.error("mail not sent", extra={"kind": mail.kind, "error": type(error).__name__})
        BillingMail.objects.filter(pk=mail.pk).update(sent_at=None)
        return False
    return True


def _written(mail: BillingMail) -> tuple[str, str]:
    """Return subject and text in the language of the person."""
    values = dict(mail.values)
    values["until"] = parse_datetime(values["until"]) if values.get("until") else None
    with translation.override(mail.user.language):
        subject = _subjects()[mail.kind] % {"plan": values.get("plan", "")}
        body = render_to_string(f"billing/mail/{mail.kind}.txt", {"user": mail.user, **values})
    return subject, body


def _subjects() -> dict[str, str]:
    return {
        "subscribed": _("You are on %(plan)s"),
        "renewed": _("%(plan)s is renewed"),
        "cancel_chosen": _("%(plan)s ends as you wished"),
        "payment_failed": _("The payment for %(plan)s has failed"),
        "grace_half": _("%(plan)s still waits for a payment"),
        "grace_last": _("%(plan)s ends tomorrow"),
        "ended": _("%(plan)s has ended"),
        "invoice_due": _("An invoice for %(plan)s"),
    }
