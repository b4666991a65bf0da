"""Images: a row is the wish, the job that does it, and what came of it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wisqu.api.ids import uuid7

LONGEST_PROMPT = 8_000


class ImageQuerySet(models.QuerySet["GeneratedImage"]):
    """The questions that are asked of images."""

    def for_owner(self, owner_id: uuid.UUID) -> ImageQuerySet:
        """Those of one person, without what was thrown away."""
        return self.filter(owner_id=owner_id, deleted_at=None)

    def open(self) -> ImageQuerySet:
        """Those that are still to end."""
        return self.filter(status__in=GeneratedImage.OPEN)

    def silent(self, *, since: datetime, until: datetime) -> ImageQuerySet:
        """Those whose worker showed no sign of life between these moments."""
        return self.filter(
            models.Q(heartbeat_at__lt=since) | models.Q(heartbeat_at__gt=until),
            status=GeneratedImage.Status.RUNNING,
        )


class GeneratedImage(models.Model):
    """One image. Several that were wished for at once share `batch_id`, the id of the first of them.

    `asked_at` is set before anything is sent to OpenRouter, and never again: from then on nobody asks a second time.
    """

    class Status(models.TextChoices):
        """The contract's words."""

        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    OPEN = (Status.QUEUED, Status.RUNNING)
    # For so long a deletion can be taken back.
    UNDO_FOR = timedelta(minutes=5)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="images")
    batch_id = models.UUIDField()
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.QUEUED)

    prompt = models.TextField(max_length=LONGEST_PROMPT)
    model = models.CharField(max_length=200)
    aspect_ratio = models.CharField(max_length=5, blank=True)
    seed = models.BigIntegerField(null=True)
    # A picture to start from: its own copy under `input_key`, and the id of what it was, if it was something of ours.
    input_key = models.CharField(max_length=200, blank=True)
    input_id = models.UUIDField(null=True)
    # Where in the chat it was wished for; plain ids, since the chat stands above.
    conversation_id = models.UUIDField(null=True)
    after_message_id = models.UUIDField(null=True)

    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now, db_index=True)
    started_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True)

    generation_id = models.CharField(max_length=100, blank=True)
    provider = models.CharField(max_length=100, blank=True)
    final_model = models.CharField(max_length=200, blank=True)
    cost_usd = models.DecimalField(max_digits=20, decimal_places=12, null=True)
    # Until then OpenRouter is asked what a generation cost that nobody has told the price of.
    owed_until = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)

    key = models.CharField(max_length=200, blank=True)
    thumbnail_key = models.CharField(max_length=200, blank=True)
    media_type = models.CharField(max_length=20, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    size = models.PositiveIntegerField(null=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "image"
        indexes: ClassVar = [
            models.Index(fields=["owner", "-id"], name="image_of_owner"),
            models.Index(fields=["id"], condition=Q(status__in=("queued", "running")), name="image_open"),
            models.Index(fields=["owed_until"], condition=~Q(owed_until=None), name="image_owed"),
            models.Index(fields=["deleted_at"], condition=~Q(deleted_at=None), name="image_thrown_away"),
            models.Index(
                fields=["conversation_id"], condition=~Q(conversation_id=None), name="image_in_conversation"
            ),
            # The sweep of files asks for these.
            models.Index(fields=["key"], condition=~Q(key=""), name="image_key"),
            models.Index(
                fields=["thumbnail_key"], condition=~Q(thumbnail_key=""), name="image_thumbnail_key"
            ),
            models.Index(fields=["input_key"], condition=~Q(input_key=""), name="image_input_key"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="done")
                | (~Q(key="") & ~Q(thumbnail_key="") & Q(width__gt=0) & Q(height__gt=0)),
                name="image_done_has_file",
            ),
            models.CheckConstraint(
                condition=~Q(status="failed") | ~Q(error_code=""), name="image_failed_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(status__in=("queued", "running")) | Q(ended_at__isnull=False),
                name="image_end_has_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.status} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """Whether it is still to end."""
        return self.status in self.OPEN

    @property
    def file_name(self) -> str:
        """What it is called when it is saved."""
        ending = self.key.rpartition(".")[2]
        return f"wisqu-{self.created_at:%Y%m%d-%H%M%S}-{str(self.id)[-4:]}.{ending}"
