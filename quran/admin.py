"""Imported translations in the admin: what is said of them can be mended, their text can't."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from quran.models import Translation


@admin.register(Translation)
class TranslationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What is shown, and under which name and licence."""

    list_display = ("name", "translator", "language", "licence", "is_shown", "imported_at")
    list_filter = ("language", "is_shown")
    readonly_fields = ("slug", "sha256", "imported_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Translations come from files, by `manage.py import_translation`."""
        return False
