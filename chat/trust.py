"""What scholars do about answers: the queue of those to look at, and what they have laid down for questions alike."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wisqu.api.ids import uuid7


class Review(models.Model):
    """One answer that a scholar should look at, and what came of it.

    Question and answer are shown to the scholar with their owner's consent alone (`chat.reviews`).
    """

    class Reason(models.TextChoices):
        """Why the answer is in the queue."""

        CHECK = "check", _("A quotation or reference failed the check")
        REACTION = "reaction", _("Its reader says that it is not correct")

    class Verdict(models.TextChoices):
        """What the scholar found."""

        RIGHT = "right", _("The answer is right")
        WRONG = "wrong", _("The answer is wrong")
        CORRECTED = "corrected", _("The answer is corrected")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.OneToOneField("chat.Message", on_delete=models.CASCADE, related_name="review")
    reason = models.CharField(max_length=8, choices=Reason.choices)
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    verdict = models.CharField(max_length=9, choices=Verdict.choices, blank=True)
    correction = models.TextField(
        max_length=5000, blank=True, help_text="What the reader is told, by mail and beneath the answer."
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When the mail about a correction left, and when its reader took note of it on the page.
    told_at = models.DateTimeField(null=True, blank=True, editable=False)
    seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-opened_at"]
        indexes: ClassVar = [
            models.Index(fields=["-opened_at"], name="review_open", condition=models.Q(verdict="")),
            models.Index(
                fields=["reviewed_at"],
                name="review_untold",
                condition=models.Q(verdict="corrected", told_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict or 'open'} {self.message_id}"


class Guidance(models.Model):
    """What a scholar has laid down for questions like some: models are told it beside such a question."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    questions = models.TextField(
        max_length=4000,
        help_text="Questions that it is meant for, one a line, in the languages in which they are asked.",
    )
    text = models.TextField(max_length=2000, help_text="What an answer to them has to take into account.")
    is_active = models.BooleanField(default=True)
    review = models.ForeignKey(Review, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "guidance"
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.questions.split("\n", 1)[0][:80]
