"""The operator's desk for the model catalogue."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from presets import pricing
from presets.models import CatalogueModel


class CatalogueModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses prices that would block the model behind the operator's back."""

    def clean(self) -> dict[str, Any]:
        """Check prices and overrides as the catalogue will."""
        cleaned: dict[str, Any] = super().clean() or {}
        given = {name: cleaned.get(f"price_{name}") for name in pricing.PRICE_NAMES}
        try:
            pricing.read_overrides(cleaned.get("overrides") or [], pricing.read_prices(given))
        except pricing.BadPrice as bad:
            raise forms.ValidationError(f"These prices would block the model: {bad}.") from None
        return cleaned


@admin.register(CatalogueModel)
class CatalogueModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Models with prices; switch one off here, or mark it as advanced."""

    form = CatalogueModelForm
    list_display = (
        "slug",
        "name",
        "price_prompt",
        "price_completion",
        "advanced",
        "is_listed",
        "blocked_reason",
    )
    list_filter = ("advanced", "is_listed", "cache_mode")
    search_fields = ("slug", "canonical_slug", "name")
    readonly_fields = ("updated_at",)
