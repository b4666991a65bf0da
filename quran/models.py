"""Translations of the Qur'an that operators have imported. None comes with the product."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from wisqu.api.ids import uuid7


class Translation(models.Model):
    """One translation: whose it is, and what its licence allows; both are shown wherever it appears."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    translator = models.CharField(max_length=200)
    language = models.CharField(max_length=16, help_text="Such as en, fa, tr.")
    licence = models.CharField(max_length=200, help_text="Its name, as it is shown to readers.")
    licence_url = models.URLField(max_length=500, blank=True)
    source_url = models.URLField(max_length=500, blank=True)
    notice = models.TextField(blank=True, help_text="What stood in the file beside the verses.")
    sha256 = models.CharField("digest of the file", max_length=64, editable=False)
    is_shown = models.BooleanField(default=True, help_text="Off for one that nobody is to see for now.")
    imported_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["language", "name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class TranslatedVerse(models.Model):
    """One verse of a translation."""

    translation = models.ForeignKey(Translation, on_delete=models.CASCADE, related_name="verses")
    surah = models.PositiveSmallIntegerField()
    ayah = models.PositiveSmallIntegerField()
    text = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["translation", "surah", "ayah"], name="verse_once_a_translation")
        ]

    def __str__(self) -> str:
        return f"{self.surah}:{self.ayah}"
