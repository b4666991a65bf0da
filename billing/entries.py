"""The ledger: one entry for each upstream generation. Written once; the counters of periods are its cache."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.amounts import MEASURES
from wisqu.api.ids import uuid7


def not_negative(*columns: str) -> Q:
    """Return the condition that none of the columns is below zero."""
    condition = Q()
    for column in columns:
        condition &= Q(**{f"{column}__gte": 0})
    return condition


class AppendOnly(Exception):
    """Somebody tried to change or delete a ledger entry. Write a correction instead."""


class LedgerQuerySet(models.QuerySet["LedgerEntry"]):
    """Reads and adds; refuses the rest. The database refuses it too, by trigger."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnly("Ledger entries are never changed.")

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AppendOnly("Ledger entries are never deleted.")


class LedgerEntry(models.Model):
    """One upstream generation: what was charged for it and what it cost. Never changed, never deleted."""

    class Kind(models.TextChoices):
        """What the money and the measures went to."""

        CHAT = "chat", _("Chat")
        REPAIR = "repair", _("Repair of a quotation")
        TITLE = "title", _("Title")
        IMAGE = "image", _("Image")
        TRANSCRIPTION = "transcription", _("Transcription")
        EMBEDDING = "embedding", _("Embedding")
        DOCUMENT = "document", _("Document")
        CORRECTION = "correction", _("Correction")

    class CostSource(models.TextChoices):
        """Who says what it cost."""

        UPSTREAM = "upstream", _("Sent with the answer")
        LOOKUP = "lookup", _("Looked up afterwards")
        COMPUTED = "computed", _("Computed from the catalogue")
        UNKNOWN = "unknown", _("Unknown")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No constraint: the entry outlives the account, and what is left then is a number without a person.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="ledger_entries",
    )
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    period_start = models.DateTimeField()
    plan = models.CharField(max_length=32)
    kind = models.CharField(max_length=13, choices=Kind.choices)
    reservation_key = models.UUIDField(null=True, unique=True)
    reference = models.UUIDField(null=True, help_text="What it was for: a message, a conversation, an image.")
    generation_id = models.CharField(max_length=128, blank=True)
    model = models.CharField(max_length=200, blank=True)
    provider = models.CharField(max_length=100, blank=True)

    messages = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    images = models.BigIntegerField(default=0)
    documents = models.BigIntegerField(default=0)
    audio_seconds = models.BigIntegerField(default=0)

    prompt_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    cached_tokens_read = models.BigIntegerField(null=True)
    cached_tokens_written = models.BigIntegerField(null=True)

    cost_usd = models.DecimalField(max_digits=20, decimal_places=12, null=True)
    cost_source = models.CharField(max_length=8, choices=CostSource.choices)
    fees_usd = models.DecimalField(
        max_digits=20, decimal_places=12, null=True, help_text="What tools of the server took of the cost."
    )
    web_searches = models.BigIntegerField(null=True)
    cost_without_cache_usd = models.DecimalField(max_digits=20, decimal_places=12, null=True)
    savings_usd = models.DecimalField(max_digits=20, decimal_places=12, null=True)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["user", "period_start"], name="ledger_period")]
        constraints: ClassVar = [
            # OpenRouter's ids only: other servers promise nothing (Ollama draws theirs from a thousand).
            models.UniqueConstraint(
                fields=["generation_id"],
                condition=Q(generation_id__startswith="gen-"),
                name="ledger_generation_once",
            ),
            models.CheckConstraint(
                condition=Q(kind="correction") | not_negative(*MEASURES), name="ledger_charge_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(kind="correction") | Q(cost_usd=None) | Q(cost_usd__gte=0),
                name="ledger_cost_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(cost_usd=None, cost_source="unknown")
                | (Q(cost_usd__isnull=False) & ~Q(cost_source="unknown")),
                name="ledger_cost_has_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.model} {self.created_at:%Y-%m-%d %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the entry; raises AppendOnly when it is stored already."""
        if not self._state.adding:
            raise AppendOnly("Ledger entries are never changed.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnly("Ledger entries are never deleted.")
