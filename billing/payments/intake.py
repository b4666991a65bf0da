"""The door for Stripe's reports: proven, stored, then handled; a stored one can be handled again at any time.

A report only says what to look at. Its ids are kept, its contents are not read: `mirror` asks Stripe how things stand.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from billing.models import ProviderName, WebhookEvent
from billing.payments.base import ProviderUnavailable
from wisqu.api.problems import Problem

log = logging.getLogger(__name__)

OLDEST = timedelta(minutes=5)
_LARGEST_CODE = 255
MOST_ATTEMPTS = 12
State = WebhookEvent.State


class BadSignature(Problem):
    """The report was not signed with our secret, was changed, or is too old."""

    status = 400
    code = "invalid_signature"
    detail = "The signature does not hold."


def take_in(*, body: bytes, signature: str) -> WebhookEvent:
    """Prove, store and handle a report. One that is known and handled has no second effect. Raises BadSignature."""
    _prove(body, signature)
    event, created = _store(body)
    if created or event.state in (State.RECEIVED, State.FAILED):
        handle(event)
    return event


def handle(event: WebhookEvent) -> None:
    """Let a stored report have its effect, also for the second time: the effect is that our books say what is true."""
    WebhookEvent.objects.filter(pk=event.pk).update(attempts=F("attempts") + 1, tried_at=timezone.now())
    state, error = State.HANDLED, ""
    try:
        state = _act_on(event.kind, event.refs)
    except Exception as failure:  # it is stored: it must neither be lost nor answered by a crash
        from billing.payments.mirror import NeedsStaff, NotOurs

        if isinstance(failure, NotOurs):
            state = State.IGNORED
        else:
            state, error = State.FAILED, str(failure)[:500] or type(failure).__name__
            known = isinstance(failure, (NeedsStaff, ProviderUnavailable))
            log.error(
                "a report of stripe waits",
                extra={"webhook": event.event_id},
                exc_info=None if known else failure,
            )
    event.state, event.error = state, error
    event.save(update_fields=["state", "error"])


def handle_waiting() -> int:
    """Try again what failed, and what a process took in and died with; later and later each time."""
    now, tried = timezone.now(), 0
    waiting = WebhookEvent.objects.filter(
        Q(state=State.FAILED) | Q(state=State.RECEIVED, received_at__lt=now - timedelta(minutes=1)),
        attempts__lt=MOST_ATTEMPTS,
    )
    for event in waiting.order_by("received_at")[:100]:
        if event.tried_at is None or now >= event.tried_at + timedelta(minutes=2**event.attempts):
            handle(event)
            tried += 1
    return tried


def _prove(body: bytes, signature: str) -> None:
    import stripe  # half a second, and only where Stripe is used

    try:
        stripe.WebhookSignature.verify_header(
            body, signature, settings.STRIPE_WEBHOOK_SECRET, int(OLDEST.total_seconds())
        )
        at = int(dict(part.split("=", 1) for part in signature.split(","))["t"])
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError) as error:
        raise BadSignature from error
    if at > time.time() + OLDEST.total_seconds():
        raise BadSignature


def _store(body: bytes) -> tuple[WebhookEvent, bool]:
    """Keep the report's ids; what was signed but is no report is refused."""
    try:
        report = msgspec.json.decode(body)
        event_id, kind, about = str(report["id"]), str(report["type"]), report["data"]["object"]
        refs = {"object": str(about["id"]), "type": str(about["object"])}
        happened_at = datetime.fromtimestamp(int(report["created"]), UTC)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Problem(400, "bad_request", "This is no report of Stripe.") from error
    if len(event_id) > _LARGEST_CODE or len(kind) > 100:
        raise Problem(400, "bad_request", "This is no report of Stripe.")
    return WebhookEvent.objects.get_or_create(
        provider=ProviderName.STRIPE,
        event_id=event_id,
        defaults={"kind": kind, "refs": refs, "happened_at": happened_at},
    )


def _act_on(kind: str, refs: dict[str, Any]) -> State:
    from billing.payments import mirror

    if kind.startswith("customer.subscription."):
        mirror.sync(refs["object"])
    elif kind.startswith("checkout.session."):
        mirror.sync_session(refs["object"])
    elif kind.startswith("invoice.") and refs["type"] == "invoice":
        mirror.sync_invoice(refs["object"])
    else:
        return State.IGNORED
    return State.HANDLED
