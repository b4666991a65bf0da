"""The queue of answers for scholars: what comes into it, who may read along, what they decide, who is told.

An answer comes in when its check fails or its reader says that it is not correct. Scholars read answer and question
where the reader has said yes, to this answer (`Feedback.may_be_read`) or to all (`User.allows_reviews`).
"""

from __future__ import annotations

import logging
import smtplib
import uuid
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from chat import checking
from chat.models import Feedback, Message
from chat.trust import Review
from wisqu.accounts.models import User
from wisqu.api import jobs, rows

log = logging.getLogger(__name__)

TASK = "chat.tasks.tell_corrections"
_MOST_AT_ONCE = 200


def open_for_check(answer: Message) -> None:
    """Put an answer into the queue whose check has failed; part of the transaction that closes its turn."""
    if next(checking.flaws(answer.quotations, answer.references), None) is not None:
        rows.insert(Review(message=answer, reason=Review.Reason.CHECK))


def open_for_reaction(given: Feedback) -> None:
    """Put an answer into the queue whose reader says that it is not correct; one that is there stays as it is."""
    if given.rating == Feedback.Rating.DOWN and given.reason == Feedback.Reason.INCORRECT:
        Review.objects.get_or_create(message_id=given.message_id, defaults={"reason": Review.Reason.REACTION})


def queue() -> QuerySet[Review]:
    """Return the reviews with what is shown of them; without what was thrown away or kept nowhere."""
    related = ("message__parent", "message__conversation__owner", "message__feedback", "reviewer")
    kept = {"message__conversation__deleted_at": None, "message__conversation__is_temporary": False}
    return Review.objects.filter(**kept).select_related(*related)


def may_be_read(review: Review) -> bool:
    """Tell whether the reader has allowed scholars to read this answer and its question."""
    given: Feedback | None = getattr(review.message, "feedback", None)
    owner: User = review.message.conversation.owner
    return bool(given and given.may_be_read) or owner.allows_reviews


@transaction.atomic
def decide(review: Review, *, reviewer: User, verdict: str, correction: str = "") -> None:
    """Note what a scholar has found. Whose answer was corrected is told by mail and on the page."""
    is_new = verdict == Review.Verdict.CORRECTED and correction != review.correction
    review.verdict, review.reviewer, review.reviewed_at = verdict, reviewer, timezone.now()
    review.correction = correction if verdict == Review.Verdict.CORRECTED else ""
    if is_new:
        review.told_at = review.seen_at = None
    review.save()
    if verdict == Review.Verdict.CORRECTED and review.told_at is None:
        jobs.send_on_commit(TASK)


def tell_due() -> int:
    """Mail the corrections that nobody has been told of; return how many. Of several senders one sends."""
    due = queue().filter(verdict=Review.Verdict.CORRECTED, told_at=None)
    return sum(_tell(review) for review in due.order_by("reviewed_at")[:_MOST_AT_ONCE])


def _tell(review: Review) -> bool:
    mine = Review.objects.filter(pk=review.pk, told_at=None)
    if not mine.update(told_at=timezone.now()):
        return False
    owner: User = review.message.conversation.owner
    with translation.override(owner.language):
        subject = _("A scholar has corrected an answer")
        body = render_to_string("chat/mail/correction.txt", {"user": owner, "review": review})
    try:
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [owner.email]).send()
    except (OSError, smtplib.SMTPException) as error:
        log.error("mail not sent", extra={"kind": "correction", "error": type(error).__name__})
        Review.objects.filter(pk=review.pk).update(told_at=None)
        return False
    return True


def unseen(user_id: uuid.UUID) -> Review | None:
    """Return the newest correction that the person has not taken note of, if there is one."""
    found = queue().filter(
        message__conversation__owner_id=user_id, verdict=Review.Verdict.CORRECTED, seen_at=None
    )
    return found.order_by("-reviewed_at").first()


def mark_seen(*, owner_id: uuid.UUID, review_id: uuid.UUID) -> bool:
    """Take note of a correction; False for one that is not the person's own."""
    mine = Review.objects.filter(
        id=review_id, message__conversation__owner_id=owner_id, verdict=Review.Verdict.CORRECTED
    )
    return bool(mine.update(seen_at=timezone.now()))


def loaded(message: Message) -> Review | None:
    """Return the review that was read with the message; never asks the database."""
    found: Review | None = message._state.fields_cache.get("review")
    return found


def document(message: Message) -> dict[str, Any] | None:
    """Return what was decided about an answer, as its reader sees it; None while nothing is."""
    review = loaded(message)
    if review is None or not review.verdict:
        return None
    return {
        "verdict": review.verdict,
        "correction": review.correction,
        "reviewed_at": review.reviewed_at,
    }
