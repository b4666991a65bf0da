"""The tables of attachments; `chat.models` has their names too."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from wisqu.api.ids import uuid7


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """Files of one owner."""

    def for_owner(self, owner_id: uuid.UUID) -> AttachmentQuerySet:
        """Only this person's files; everything else does not exist for them."""
        return self.filter(owner_id=owner_id)

    def for_list(self) -> AttachmentQuerySet:
        """Without the text, which may be a book."""
        return self.defer("text")


class Attachment(models.Model):
    """A file that a person attaches to questions; the same bytes are kept once a person.

    Pictures are kept as they were written anew, everything else as it came.
    """

    class Family(models.TextChoices):
        """What is done with it; the names are those of `wisqu.media.sniffing.Family`."""

        PDF = "pdf"
        TEXT = "text"
        IMAGE = "image"
        AUDIO = "audio"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)  # also the reservation's key
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="attachments")
    sha256 = models.CharField(max_length=64, editable=False, help_text="Of the bytes as they were sent.")
    name = models.CharField(max_length=200)
    family = models.CharField(max_length=5, choices=Family.choices)
    media_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(help_text="Bytes, as it is kept.")
    key = models.CharField(max_length=200, help_text="Where the file is kept.")
    thumbnail_key = models.CharField(max_length=200, blank=True)
    pages = models.PositiveIntegerField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    # What it says: of a PDF and a text file what is written there, of a recording what was heard.
    text = models.TextField(blank=True)
    token_estimate = models.PositiveIntegerField(default=0, help_text="Of the text.")
    # The page from which the text is still to be read; empty: nothing is left.
    unread_from = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # When it was sent here last, and when it was first put to a question since: who is neither used nor new may go.
    uploaded_at = models.DateTimeField(default=timezone.now, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["owner", "-id"], name="attachment_newest"),
            models.Index(
                fields=["uploaded_at"],
                name="attachment_unread",
                condition=models.Q(unread_from__isnull=False),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "sha256"], name="attachment_kept_once"),
        ]

    def __str__(self) -> str:
        return self.name


class MessageAttachment(models.Model):
    """A file of a question. What is shown of it stands on the question itself (`Message.attached`)."""

    message = models.ForeignKey("chat.Message", on_delete=models.CASCADE, related_name="attachment_links")
    attachment = models.ForeignKey(Attachment, on_delete=models.CASCADE, related_name="links")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "attachment"], name="message_attachment_once"),
        ]

    def __str__(self) -> str:
        return f"{self.attachment_id} of {self.message_id}"


class ParsedFile(models.Model):
    """What OpenRouter's parser made of a PDF: sent back, it is neither parsed nor paid for again in a conversation."""

    conversation = models.ForeignKey(
        "chat.Conversation", on_delete=models.CASCADE, related_name="parsed_files"
    )
    attachment = models.ForeignKey(Attachment, on_delete=models.CASCADE, related_name="parsed")
    annotation = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "attachment"], name="parsed_file_once"),
        ]

    def __str__(self) -> str:
        return f"{self.attachment_id} in {self.conversation_id}"
