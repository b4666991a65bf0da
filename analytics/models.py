"""Sums of the ledger and of what became of turns, by day and by month: a cache, which `analytics.rollups` builds.

Money is kept as a whole number of millionths of a millionth of a USD, so that sums are exact in every database.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

NOTHING_YET = uuid.UUID(int=0)


class RollupState(models.Model):
    """How far the sums reach: the one row says up to which id entries are in them; the rest is read live."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    # Ids tell when a row was made (UUID version 7), and entries are booked under the moment that they tell of: so a
    # late entry for a day long past still comes after the mark, and is counted once.
    mark = models.UUIDField(default=NOTHING_YET)
    # Raised whenever sums change, so that a report made of several queries notices.
    version = models.PositiveBigIntegerField(default=0)
    rolled_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"version {self.version}, {self.rolled_at:%Y-%m-%d %H:%M}"


class DailyUsage(models.Model):
    """What the ledger holds of one day (UTC), plan, model and kind of work."""

    day = models.DateField()
    plan = models.CharField(max_length=32)
    model = models.CharField(max_length=200)
    kind = models.CharField(max_length=13)

    calls = models.BigIntegerField(default=0, help_text="Entries that are no corrections.")
    messages = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    images = models.BigIntegerField(default=0)
    documents = models.BigIntegerField(default=0)
    audio_seconds = models.BigIntegerField(default=0)
    prompt_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    cached_read = models.BigIntegerField(default=0)
    cached_written = models.BigIntegerField(default=0)
    prompts = models.BigIntegerField(default=0, help_text="Entries of written work that have a prompt.")
    hits = models.BigIntegerField(default=0, help_text="Of these, those that read from a prompt cache.")
    cost_pico = models.BigIntegerField(default=0)
    savings_pico = models.BigIntegerField(default=0)
    unknown_costs = models.BigIntegerField(default=0, help_text="Entries whose cost nobody knows.")

    class Meta:
        verbose_name_plural = "daily usage"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "plan", "model", "kind"], name="daily_usage_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.plan} {self.model} {self.kind}"


class DailyTurns(models.Model):
    """How the turns of one day ended: by plan, by the model that was wanted, by the one that was asked."""

    day = models.DateField()
    plan = models.CharField(max_length=32)
    asked = models.CharField(max_length=200)
    model = models.CharField(max_length=200)

    attempts = models.BigIntegerField(default=0)
    failed_attempts = models.BigIntegerField(default=0)
    turns = models.BigIntegerField(default=0)
    failed_turns = models.BigIntegerField(default=0)
    stopped_turns = models.BigIntegerField(default=0)
    fallbacks = models.BigIntegerField(default=0, help_text="Turns that another model answered.")
    uncached_turns = models.BigIntegerField(default=0)
    missed_pico = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "daily turns"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "plan", "asked", "model"], name="daily_turns_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.plan} {self.asked} → {self.model}"


class Latencies(models.Model):
    """How many turns of a model took how long, in milliseconds, rounded by 5 % at most."""

    model = models.CharField(max_length=200)
    milliseconds = models.IntegerField()

    first_tokens = models.BigIntegerField(default=0, help_text="First tokens that came after so long.")
    totals = models.BigIntegerField(default=0, help_text="Turns that took so long in all.")

    class Meta:
        abstract = True


class DailyLatency(Latencies):
    """Those of one day."""

    day = models.DateField()

    class Meta:
        verbose_name_plural = "daily latencies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "model", "milliseconds"], name="daily_latency_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model} {self.milliseconds} ms"


class MonthlyLatency(Latencies):
    """Those of one month, by its first day: the same once more, so that a year is not read day by day."""

    month = models.DateField()

    class Meta:
        verbose_name_plural = "monthly latencies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["month", "model", "milliseconds"], name="monthly_latency_once"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.model} {self.milliseconds} ms"


class DailyQuotations(models.Model):
    """What the checks of one day's answers found: by the model that answered, by the preset that it answered under."""

    day = models.DateField()
    model = models.CharField(max_length=200)
    preset = models.CharField(max_length=80)

    answers = models.BigIntegerField(default=0, help_text="Answers that were checked.")
    quoting = models.BigIntegerField(default=0, help_text="Of these, those that quote the Qur'an.")
    genuine = models.BigIntegerField(default=0)
    cut = models.BigIntegerField(default=0)
    altered = models.BigIntegerField(default=0)
    # Not "unknown", which SQL knows as a word of its own.
    not_found = models.BigIntegerField(default=0, help_text="Quotations that are close to no verse.")
    impossible = models.BigIntegerField(default=0, help_text="References to verses that there are not.")

    class Meta:
        verbose_name_plural = "daily quotations"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "model", "preset"], name="daily_quotations_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model} {self.preset}"


class UserSums(models.Model):
    """What one user did. No constraint: it outlives the account, as the ledger does."""

    user_id = models.UUIDField()

    calls = models.BigIntegerField(default=0)
    messages = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    images = models.BigIntegerField(default=0)
    cost_pico = models.BigIntegerField(default=0)
    savings_pico = models.BigIntegerField(default=0)
    turns = models.BigIntegerField(default=0)
    failed_turns = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class UserDay(UserSums):
    """On one day."""

    day = models.DateField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["day", "user_id"], name="user_day_once")]
        indexes: ClassVar = [models.Index(fields=["user_id", "day"], name="user_day_of_user")]

    def __str__(self) -> str:
        return f"{self.day} {self.user_id}"


class UserMonth(UserSums):
    """In one month, by its first day: the same once more, in the order of those who used most."""

    month = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "month"], name="user_month_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["month", "-cost_pico"], name="user_month_by_cost"),
            models.Index(fields=["month", "-messages"], name="user_month_by_messages"),
            models.Index(fields=["month", "-tokens"], name="user_month_by_tokens"),
            models.Index(fields=["month", "-savings_pico"], name="user_month_by_savings"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.user_id}"


class DailyActive(models.Model):
    """How many people had asked for something when a day was over, counted from `UserDay`.

    On the day, in the 7 and the 30 days that end with it, in its week from Monday on, in its month from the first on.
    """

    day = models.DateField(primary_key=True)
    of_day = models.PositiveIntegerField()
    of_7_days = models.PositiveIntegerField()
    of_30_days = models.PositiveIntegerField()
    of_week = models.PositiveIntegerField()
    of_month = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "daily active"

    def __str__(self) -> str:
        return f"{self.day}: {self.of_day}"
