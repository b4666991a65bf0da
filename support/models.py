"""Tickets: what people ask the staff, what staff need to answer it, and what was said."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models import Message
from wisqu.api.ids import uuid7

LONGEST_TEXT = 10_000


class TicketQuerySet(models.QuerySet["Ticket"]):
    """What is read of tickets."""

    def for_owner(self, user_id: UUID) -> TicketQuerySet:
        """Only the user's own."""
        return self.filter(user_id=user_id)

    def queue(self) -> TicketQuerySet:
        """In the order in which staff answer: waiting before the rest, priority first, then by promised time."""
        waiting = models.Case(
            models.When(status=Ticket.Status.WAITING, then=0), default=1, output_field=models.IntegerField()
        )
        return self.order_by(waiting, "-is_priority", "due_at", "id")


class Ticket(models.Model):
    """One matter between a user and the staff."""

    class Topic(models.TextChoices):
        """What it is about."""

        ANSWER = "answer", _("An answer")
        FAULT = "fault", _("Something that does not work")
        BILLING = "billing", _("Plan, payment or invoice")
        ACCOUNT = "account", _("My account")
        OTHER = "other", _("Something else")

    class Status(models.TextChoices):
        """Whose turn it is."""

        WAITING = "waiting", _("Waiting for us")
        ANSWERED = "answered", _("Answered")
        CLOSED = "closed", _("Solved")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tickets")
    subject = models.CharField(max_length=120)
    topic = models.CharField(max_length=8, choices=Topic.choices, default=Topic.OTHER)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    # The plan when the user wrote last: it decides place and promise.
    plan = models.CharField(max_length=32)
    is_priority = models.BooleanField("priority", default=False)
    due_at = models.DateTimeField("answer promised until")
    request_id = models.CharField(max_length=128, blank=True)
    # No copy of the answer: what its owner deletes is gone here too.
    message = models.ForeignKey(
        Message, verbose_name="answer", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    may_read_answer = models.BooleanField("staff may read the answer", default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)

    objects = TicketQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["-is_priority", "due_at"], condition=Q(status="waiting"), name="ticket_queue"
            ),
            models.Index(fields=["user", "-id"], name="ticket_owner"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """The short name for mails and conversation; nothing is found by it alone."""
        return f"WQ-{self.id.hex[-8:].upper()}"

    @property
    def is_overdue(self) -> bool:
        """Whether the promised time is over and nobody has answered."""
        return self.status == self.Status.WAITING and self.due_at < timezone.now()


class Note(models.Model):
    """What one side wrote."""

    class Via(models.TextChoices):
        """The door it came in by."""

        PAGE = "page", "Page"
        API = "api", "API"
        MAIL = "mail", "Mail"
        ADMIN = "admin", "Admin"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="notes")
    from_staff = models.BooleanField(default=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField(max_length=LONGEST_TEXT)
    via = models.CharField(max_length=5, choices=Via.choices)
    # The id of the mail it came in, so that a mail delivered twice is one note.
    mail_id = models.CharField(max_length=255, null=True, unique=True, editable=False)  # noqa: DJ001 - unique
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return str(self.id)
