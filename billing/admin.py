"""The operator's desk for plans, subscriptions, usage and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from billing.models import Feature, LedgerEntry, MonthlyUsageQuota, PlanLimit, Subscription


@admin.register(PlanLimit)
class PlanLimitAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Plans are data: a change holds from the next message on."""

    list_display = ("name", "slug", "price_usd", "messages", "tokens", "max_context", "requests_per_minute")
    fieldsets = (
        (None, {"fields": ("name", "slug", "position", "price_usd", "updated_at")}),
        (
            "Limits (empty: without limit, 0: none at all)",
            {
                "fields": (
                    "messages",
                    "tokens",
                    "images",
                    "documents",
                    "audio_minutes",
                    "presets",
                    "max_context",
                    "requests_per_minute",
                )
            },
        ),
        ("Features", {"fields": tuple(Feature.values)}),
    )

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: PlanLimit | None = None
    ) -> dict[str, Sequence[str]]:
        """Offer a short name for a new plan only."""
        return {} if obj else {"slug": ("name",)}

    def get_readonly_fields(self, request: HttpRequest, obj: PlanLimit | None = None) -> tuple[str, ...]:
        """Keep the short name of an existing plan: subscriptions and the ledger refer to it."""
        return ("updated_at", "slug") if obj else ("updated_at",)


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who is on which plan. The admin's own history keeps who changed it."""

    list_display = ("user", "plan", "status", "started_at")
    list_filter = ("plan", "status")
    list_select_related = ("user", "plan")
    search_fields = ("user__email",)
    raw_id_fields = ("user",)
    readonly_fields = ("updated_at",)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that only the product itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes by hand; along with its user is another matter, decided there."""
        match = request.resolver_match
        return bool(match and (match.url_name or "").startswith("accounts_user_"))


@admin.register(MonthlyUsageQuota)
class MonthlyUsageQuotaAdmin(ReadOnlyAdmin):
    """Usage periods: a cache of the ledger."""

    list_display = ("user", "period_start", "used_messages", "held_messages", "used_tokens", "cost_usd")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    date_hierarchy = "period_start"


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """The ledger. Entries of an erased account show its number alone."""

    list_display = ("created_at", "who", "kind", "model", "tokens", "cost_usd", "cost_source")
    list_filter = ("kind", "cost_source", "plan", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "model", "generation_id", "=reference", "=reservation_key")
    date_hierarchy = "created_at"
    show_full_result_count = False

    @admin.display(description="user", ordering="user_id")
    def who(self, entry: LedgerEntry) -> Any:
        """Return the user where the account still exists, else its id."""
        return entry.user or entry.user_id
