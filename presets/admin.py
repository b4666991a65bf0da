"""The operator's desk for the model catalogue; that for presets is in `presets/preset_admin.py`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from presets import preset_admin, pricing, sync
from presets.models import CatalogueModel
from presets.pricing import PRICE_NAMES

__all__ = ["preset_admin"]  # the other half of this desk: importing it puts it in place


_PER_MILLION = 1_000_000


class PlainPrice(forms.TextInput):
    """Shows a price with its digits, never as a power of ten."""

    def format_value(self, value: Any) -> str | None:
        """Return the digits of a number, without zeros at the end."""
        return _digits(value) if isinstance(value, Decimal) else value


class CatalogueModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses prices that would block the model behind the operator's back."""

    class Meta:
        """A reason is a sentence."""

        widgets: ClassVar = {"blocked_reason": forms.TextInput(attrs={"size": 100})}

    def clean(self) -> dict[str, Any]:
        """Check prices and overrides as the catalogue will."""
        cleaned: dict[str, Any] = super().clean() or {}
        given = {name: cleaned.get(f"price_{name}") for name in PRICE_NAMES}
        is_accepted = self.instance.accepted_prices is not None
        try:
            prices = pricing.read_prices(given, is_accepted=is_accepted)
            pricing.read_overrides(cleaned.get("overrides") or [], prices, is_accepted=is_accepted)
        except pricing.BadPrice as bad:
            raise forms.ValidationError(
                gettext("These prices would block the model: %(why)s.") % {"why": bad}
            ) from None
        return cleaned


class Blocked(admin.SimpleListFilter):
    """Models that nobody may use, or all others."""

    title = _("Blocked")
    parameter_name = "blocked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two answers."""
        return [("yes", gettext("Yes")), ("no", gettext("No"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[CatalogueModel]
    ) -> QuerySet[CatalogueModel] | None:
        """Keep the models of the chosen answer."""
        if self.value() == "yes":
            return queryset.exclude(blocked_reason="")
        return queryset.filter(blocked_reason="") if self.value() == "no" else queryset


@admin.register(CatalogueModel)
class CatalogueModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Models with prices; switch one off here, mark it as advanced, or accept a price that blocked it."""

    form = CatalogueModelForm
    actions = ("accept_prices", "follow_again")
    formfield_overrides: ClassVar = {
        models.JSONField: {"widget": forms.Textarea(attrs={"rows": 2, "cols": 100})},
        models.DecimalField: {"widget": PlainPrice(attrs={"size": 24})},
    }
    list_display = ("slug", "million_in", "million_out", "advanced", "is_listed", "blocked_reason")
    fieldsets = (
        (None, {"fields": ("slug", "name", "blocked_reason", "advanced", "is_listed", "successor")}),
        (_("Prices, in USD a token"), {"fields": (*sync.PRICE_FIELDS, "overrides")}),
        ("OpenRouter", {"fields": ("openrouter_lists", "staff_accepted", "kept_as_set", "seen_at")}),
        (
            _("Abilities"),
            {
                "fields": (
                    "context_length",
                    "max_completion_tokens",
                    "input_modalities",
                    "output_modalities",
                    "supported_parameters",
                    "cache_mode",
                    "cache_min_tokens",
                    "canonical_slug",
                    "updated_at",
                )
            },
        ),
    )
    list_filter = (Blocked, "advanced", "is_listed", "cache_mode")
    search_fields = ("slug", "canonical_slug", "name")
    readonly_fields = ("openrouter_lists", "staff_accepted", "kept_as_set", "seen_at", "updated_at")

    @admin.display(description=_("USD a million in"), ordering="price_prompt")
    def million_in(self, row: CatalogueModel) -> str:
        """Show what a million prompt tokens cost."""
        return "-" if row.price_prompt is None else _digits(row.price_prompt * _PER_MILLION)

    @admin.display(description=_("out"), ordering="price_completion")
    def million_out(self, row: CatalogueModel) -> str:
        """Show what a million completion tokens cost."""
        return "-" if row.price_completion is None else _digits(row.price_completion * _PER_MILLION)

    @admin.display(description=_("Listed by OpenRouter"))
    def openrouter_lists(self, row: CatalogueModel) -> str:
        """Show the prices of the last look, believable or not."""
        return _in_words(row.offered_prices)

    @admin.display(description=_("Accepted by staff"))
    def staff_accepted(self, row: CatalogueModel) -> str:
        """Show the prices that block no second time."""
        return _in_words(row.accepted_prices)

    @admin.display(description=_("Kept as staff set it"))
    def kept_as_set(self, row: CatalogueModel) -> str:
        """Show the fields that the daily look leaves alone."""
        return ", ".join(row.pinned) or "-"

    @admin.action(
        description=_("Accept the price that OpenRouter lists, and unblock"), permissions=["change"]
    )
    def accept_prices(self, request: HttpRequest, queryset: QuerySet[CatalogueModel]) -> None:
        """Unblock the chosen models; the same prices block them no second time."""
        for row in queryset:
            sync.accept(row)
            self.log_change(request, row, "Accepted the listed price and unblocked the model.")
        messages.success(request, gettext("Unblocked: %(n)s.") % {"n": len(queryset)})

    @admin.action(description=_("Follow OpenRouter again in every field"), permissions=["change"])
    def follow_again(self, request: HttpRequest, queryset: QuerySet[CatalogueModel]) -> None:
        """Give up what staff have set; the next look at OpenRouter brings its values."""
        for row in queryset:
            row.pinned = []
            row.save(update_fields=["pinned", "updated_at"])
            self.log_change(request, row, "Follows OpenRouter again in every field.")
        messages.success(request, gettext("Following OpenRouter again: %(n)s.") % {"n": len(queryset)})

    def save_model(
        self, request: HttpRequest, obj: CatalogueModel, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """Keep what was edited from now on; an emptied reason accepts the price that was the reason."""
        sync.pin(obj, form.changed_data if change else sync.SYNCED)
        if change and "blocked_reason" in form.changed_data and not obj.blocked_reason:
            sync.accept(obj)
        else:
            super().save_model(request, obj, form, change)


def _digits(price: Decimal) -> str:
    return f"{price.normalize():f}"


def _in_words(texts: dict[str, Any] | None) -> str:
    """Return prices in USD a token as one line."""
    named = {name: texts[name] for name in PRICE_NAMES if name in texts} if texts else {}
    return ", ".join(f"{name} {price or 'unreadable'}" for name, price in named.items()) or "-"
