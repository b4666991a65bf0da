"""The operator's desk for plans, usage and the ledger; `paymentadmin` has that for subscriptions and payments."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing import paymentadmin
from billing.adminbase import ReadOnlyAdmin
from billing.models import Feature, LedgerEntry, MonthlyUsageQuota, PlanLimit, UsageRepair
from billing.seeds import FREE

__all__ = ["LedgerEntryAdmin", "MonthlyUsageQuotaAdmin", "PlanLimitAdmin", "UsageRepairAdmin", "paymentadmin"]


@admin.register(PlanLimit)
class PlanLimitAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Plans are data: a change holds from the next message on."""

    list_display = ("name", "slug", "price_usd", "messages", "tokens", "max_context", "requests_per_minute")
    fieldsets = (
        (None, {"fields": ("name", "slug", "position", "price_usd", "price_usd_year", "updated_at")}),
        (
            _("Limits (empty: without limit, 0: none at all)"),
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
        (_("Features"), {"fields": tuple(Feature.values)}),
    )

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: PlanLimit | None = None
    ) -> dict[str, Sequence[str]]:
        """Offer a short name for a new plan only."""
        return {} if obj else {"slug": ("name",)}

    def get_readonly_fields(self, request: HttpRequest, obj: PlanLimit | None = None) -> tuple[str, ...]:
        """Keep the short name of an existing plan, which subscriptions and the ledger refer to, and Free free."""
        prices = ("price_usd", "price_usd_year") if obj and obj.slug == FREE else ()
        return ("updated_at", "slug", *prices) if obj else ("updated_at",)

    def has_delete_permission(self, request: HttpRequest, obj: PlanLimit | None = None) -> bool:
        """Keep Free: everybody starts on it, and every other plan ends there."""
        return (obj is None or obj.slug != FREE) and super().has_delete_permission(request, obj)


@admin.register(MonthlyUsageQuota)
class MonthlyUsageQuotaAdmin(ReadOnlyAdmin):
    """Usage periods: a cache of the ledger."""

    list_display = ("user", "period_start", "used_messages", "held_messages", "used_tokens", "cost")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    date_hierarchy = "period_start"

    @admin.display(description=_("cost in USD"), ordering="cost_usd")
    def cost(self, period: MonthlyUsageQuota) -> str:
        """Return the cost without zeros at its end."""
        return _digits(period.cost_usd)


@admin.register(UsageRepair)
class UsageRepairAdmin(ReadOnlyAdmin):
    """Counters that were not what the ledger says, and what was done about it. Notes outlive the account."""

    list_display = ("created_at", "who", "period_start", "made_by", "reason")
    search_fields = ("=user_id", "made_by")
    date_hierarchy = "created_at"

    @admin.display(description=_("user"), ordering="user_id")
    def who(self, repair: UsageRepair) -> str:
        """Return the account's id."""
        return str(repair.user_id)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """The ledger. Entries of an erased account show its number alone."""

    list_display = ("created_at", "who", "kind", "model", "tokens", "cost", "cost_source")
    list_filter = ("kind", "cost_source", "plan", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "=generation_id", "=reservation_key")  # what has an index
    date_hierarchy = "created_at"
    show_full_result_count = False

    @admin.display(description=_("user"), ordering="user_id")
    def who(self, entry: LedgerEntry) -> Any:
        """Return the user where the account still exists, else its id."""
        return entry.user or entry.user_id

    @admin.display(description=_("cost in USD"), ordering="cost_usd")
    def cost(self, entry: LedgerEntry) -> str:
        """Return the cost without zeros at its end; empty where nobody knows it."""
        return "" if entry.cost_usd is None else _digits(entry.cost_usd)


def _digits(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
