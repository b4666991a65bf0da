"""What is noted about usage periods: warnings that a person got, repairs of counters, what staff granted."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from wisqu.api.ids import uuid7


class UsageWarning(models.Model):
    """A share of a measure was reached: told once a period, on the page until it is dismissed and by mail."""

    NEARLY, SPENT = 80, 100

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="usage_warnings"
    )
    period_start = models.DateTimeField()
    measure = models.CharField(max_length=13)
    percent = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    mailed_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "period_start", "measure", "percent"], name="usage_warning_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=Q(mailed_at=None), name="usage_warning_to_mail"),
            models.Index(fields=["percent", "-created_at"], name="usage_warning_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.percent} % of {self.measure}"


class RepairsAreKept(Exception):
    """Somebody tried to change or delete the note of a repair or of a grant."""


class UsageRepair(models.Model):
    """A usage period whose counters were not what the ledger says, and what was done about it. Never changed.

    `found` and `repaired` hold the columns that differed, each with its value as text.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No constraint: like the ledger it outlives the account, as a number without a person.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    period_start = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    made_by = models.CharField(max_length=254)
    reason = models.CharField(max_length=200)
    found = models.JSONField()
    repaired = models.JSONField()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.user_id} from {self.period_start:%Y-%m-%d}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the note; raises RepairsAreKept when it is stored already."""
        if not self._state.adding:
            raise RepairsAreKept
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise RepairsAreKept


class QuotaGrant(models.Model):
    """What staff gave one person on top of the plan's limits, in one usage period. Below zero: taken back."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
    )
    period_start = models.DateTimeField()
    measure = models.CharField(max_length=13)
    amount = models.BigIntegerField()
    staff_id = models.UUIDField(null=True, help_text="Who granted it; empty: at the command line.")
    why = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["user", "period_start"], name="grant_period")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.amount:+} {self.measure}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the note; raises RepairsAreKept when it is stored already."""
        if not self._state.adding:
            raise RepairsAreKept
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise RepairsAreKept
