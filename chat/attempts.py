"""How each turn ended, model by model: facts for the books, without a word of what was said.

They outlive conversations and accounts, as the ledger does, so that yesterday's error rate is the same tomorrow.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from wisqu.api.ids import uuid7

# What people's own presets are counted as, all of them together: their names are words of theirs.
OWN_PRESETS = "*"


class TurnAttempt(models.Model):
    """One model that was asked in a turn, written when the turn ends. Never changed.

    A turn has one row for each model that was asked; the last of them, which answered or was given up with, is
    `is_last` and carries what is known of the turn as a whole.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    turn_id = models.UUIDField()
    # No constraint: what is left of an erased account is a number without a person.
    owner_id = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    plan = models.CharField(max_length=32, blank=True)
    asked = models.CharField(max_length=200, help_text="The model that the turn was to be answered by.")
    model = models.CharField(max_length=200, help_text="The model that this attempt asked.")
    is_last = models.BooleanField()
    status = models.CharField(max_length=7, help_text="done, stopped or failed; what broke off is failed.")
    error_code = models.CharField(max_length=50, blank=True)
    first_token_ms = models.PositiveIntegerField(null=True)
    total_ms = models.PositiveIntegerField(null=True)
    missed_savings_usd = models.DecimalField(
        max_digits=20,
        decimal_places=12,
        null=True,
        help_text="What prompt caching would have saved where it was off; empty where it was on or can't be.",
    )

    # What the check of the answer's quotations came to; empty where there was no answer to check.
    preset = models.CharField(
        max_length=80,
        blank=True,
        default="",
        db_default="",
        help_text="A published one's slug; * for people's own.",
    )
    genuine_quotations = models.PositiveIntegerField(null=True)
    cut_quotations = models.PositiveIntegerField(null=True)
    altered_quotations = models.PositiveIntegerField(null=True)
    unknown_quotations = models.PositiveIntegerField(null=True)
    impossible_references = models.PositiveIntegerField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["turn_id"], condition=models.Q(is_last=True), name="attempt_one_last"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.model}"
