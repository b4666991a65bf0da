"""Plans and their limits: edited with a look at whom it touches, kept in versions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.admin import PlanLimitAdmin
from billing.models import PlanLimit
from billing.seeds import FREE
from console import planversions
from console.models import PlanVersion

MONTHS_A_YEAR = 12
SMALLEST_CONTEXT = 1000
WHY = "why"


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks a plan, and saves a change only after its effects were shown: `confirmed` stands for what was shown."""

    why = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=300,
        help_text=gettext_lazy("Kept with the version and in the audit log."),
    )
    preview: planversions.Preview | None = None
    digest = ""

    class Meta:
        model = PlanLimit
        fields = ("slug", *planversions.FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = PlanLimit.objects.filter(pk=self.instance.pk).first() if self.instance.pk else None
        self.read_at = self.stored.updated_at.isoformat() if self.stored else ""

    def clean(self) -> dict[str, Any]:
        """Refuse what makes no sense, then show before saving."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name, wrong in self._mistakes(cleaned).items():
            self.add_error(name, wrong)
        if not self.errors and self.stored:
            self._show_first(cleaned)
        return cleaned

    def _mistakes(self, cleaned: dict[str, Any]) -> dict[str, str]:
        month, year = cleaned.get("price_usd"), cleaned.get("price_usd_year")
        slug = cleaned.get("slug") or self.instance.slug
        found = {}
        if month is not None and month < 0:
            found["price_usd"] = _("A price is not below zero.")
        elif slug == FREE and (month or year):
            found["price_usd"] = _("Everybody starts on Free: it has no price.")
        elif month is not None and year is not None and not month <= year <= MONTHS_A_YEAR * month:
            found["price_usd_year"] = _("A year costs at least one month and at most twelve.")
        if cleaned.get("requests_per_minute") == 0:
            found["requests_per_minute"] = _("With no request a minute nobody could use the plan.")
        if (cleaned.get("max_context") or SMALLEST_CONTEXT) < SMALLEST_CONTEXT:
            found["max_context"] = _("A context of less than 1,000 tokens holds no conversation.")
        return found

    def _show_first(self, cleaned: dict[str, Any]) -> None:
        assert self.stored
        values = planversions.values_of(self.stored) | {
            name: cleaned[name] for name in planversions.FIELDS if name in cleaned
        }
        self.digest = planversions.digest(values)
        if self.data.get("read_at") != self.read_at:
            raise ValidationError(_("Somebody has changed this plan meanwhile. Load the page again."))
        if self.data.get("confirmed") == self.digest:
            return
        self.preview = planversions.preview(self.stored, values)
        if self.preview.changes:
            raise ValidationError(_("Nothing is saved yet: look at whom this touches."))


class PlanDesk(PlanLimitAdmin):
    """Billing's own desk for plans, with preview, reason and versions."""

    form = PlanForm
    change_form_template = "admin/console/plan.html"
    fieldsets = (*PlanLimitAdmin.fieldsets, (None, {"fields": (WHY,)}))  # type: ignore[assignment]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """One way to save: the others would leave out the look at whom it touches."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: PlanLimit | None = None) -> Any:
        """Leave the reason out for those who can only look."""
        sets = super().get_fieldsets(request, obj)
        may_save = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return sets if may_save else [each for each in sets if WHY not in each[1]["fields"]]

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: PlanLimit, form: Any, change: bool) -> None:
        """Save the plan together with its version."""
        stored = PlanLimit.objects.select_for_update().filter(pk=obj.pk).first() if change else None
        if stored and stored.updated_at.isoformat() != form.read_at:
            raise BadRequest("Somebody has changed this plan in this very moment.")
        before = planversions.values_of(stored) if stored else None
        super().save_model(request, obj, form, change)
        planversions.keep(obj, before=before, actor_id=request.user.pk, why=form.cleaned_data[WHY])

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show every version with what changed, who changed it and why."""
        plan = get_object_or_404(PlanLimit, pk=object_id)
        if not self.has_view_or_change_permission(request, plan):
            raise PermissionDenied
        rows = list(PlanVersion.objects.filter(plan=plan.pk).select_related("actor").order_by("number"))
        before: dict[str, Any] = {}
        versions = []
        for row in rows:
            versions.append((row, planversions.differences(before, row.values) if before else []))
            before = row.values
        context = self.admin_site.each_context(request) | {
            "title": _("Versions of %(plan)s") % {"plan": plan.name},
            "plan": plan,
            "versions": versions[::-1],
            "opts": self.opts,
        }
        return render(request, "admin/console/versions.html", context)


class PlanVersionDesk(admin.ModelAdmin):  # type: ignore[type-arg]
    """All versions of all plans, to look at."""

    list_display = ("created_at", "plan", "number", "what", "actor", "why")
    list_filter = ("plan", "created_at")
    list_select_related = ("actor",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Saving a plan adds them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes what was."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes what was."""
        return False

    @admin.display(description=gettext_lazy("changed"))
    def what(self, version: PlanVersion) -> str:
        """Return the names of what changed."""
        return ", ".join(version.changed) or "–"
