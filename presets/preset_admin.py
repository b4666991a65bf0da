"""The operator's desk for presets: those of the house, and one's own to publish. Other people's are theirs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.plans import plan_for
from presets import keeping
from presets.models import ModelPreset
from wisqu.accounts.models import User
from wisqu.api.problems import Problem


class PresetForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses what the API would refuse."""

    user: User

    class Meta:
        model = ModelPreset
        # The options of a web search are set on the preset's own page, which knows what they are.
        fields = ("name", "slug", *(name for name in keeping.PORTABLE[1:] if name != "web_search_options"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:  # who may only look has no fields
            self.fields["slug"].required = False

    def clean_fallback_models(self) -> list[str] | None:
        """Take a list of names, or nothing."""
        value = self.cleaned_data["fallback_models"]
        if value is not None and not (
            isinstance(value, list) and all(isinstance(name, str) for name in value)
        ):
            raise forms.ValidationError(_('A list of model ids, such as ["openai/gpt-4o-mini"].'))
        return value

    def clean_slug(self) -> str:
        """Take a free slug; for a new preset its name gives one when this is empty."""
        slug: str = self.cleaned_data["slug"] or self.instance.slug
        others = ModelPreset.objects.filter(owner_id=self.instance.owner_id, slug=slug).exclude(
            id=self.instance.id
        )
        if slug and others.exists():
            raise forms.ValidationError(_("There is a preset with this slug already."))
        return slug

    def clean(self) -> dict[str, Any]:
        """Ask the catalogue and the slug's own rule."""
        cleaned: dict[str, Any] = super().clean() or {}
        given = {name: value for name, value in cleaned.items() if name in self.changed_data}
        try:
            keeping.judge(given, plan=plan_for(self.user.pk))
            if given.get("slug"):
                keeping.check_slug(given["slug"])
        except Problem as problem:
            said = [error.detail for error in problem.errors] or [problem.detail]
            raise forms.ValidationError(said) from None
        return cleaned


@admin.register(ModelPreset)
class PresetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Presets for everyone. A new one is published at once; one of your own is when you say so."""

    form = PresetForm
    actions = ("publish", "withdraw")
    list_display = ("name", "slug", "published", "model", "version", "updated_at")
    search_fields = ("name", "slug")
    readonly_fields = ("version", "created_at", "updated_at")

    @admin.display(boolean=True, description=_("For everyone"))
    def published(self, row: ModelPreset) -> bool:
        """Tell whether everybody may use it."""
        return row.is_public

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelPreset]:
        """What is published, and the reader's own."""
        return ModelPreset.objects.usable_by(_staff(request).pk).order_by("name")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form who asks."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("PresetFormOfStaff", (form,), {"user": _staff(request)})

    def save_model(
        self, request: HttpRequest, obj: ModelPreset, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """Make or change it by the rules that hold at every door."""
        user = _staff(request)
        values = {name: form.cleaned_data[name] for name in form.cleaned_data if name in form.changed_data}
        if change:
            stored = keeping.change(obj, values=values, plan=plan_for(user.pk))
        else:
            stored = keeping.make(owner_id=user.pk, values=values, is_public=True)
        obj.__dict__.update(stored.__dict__)

    def delete_model(self, request: HttpRequest, obj: ModelPreset) -> None:
        """Delete it; answers keep what they used."""
        keeping.remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ModelPreset]) -> None:
        """Delete them one by one."""
        for preset in queryset:
            keeping.remove(preset)

    @admin.action(description=_("Publish for everyone"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[ModelPreset]) -> None:
        """Give the chosen ones to the house."""
        self._each(request, [row for row in queryset if not row.is_public], gettext("Published."))

    @admin.action(description=_("Withdraw: keep them as your own"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[ModelPreset]) -> None:
        """Take the chosen ones from the house."""
        self._each(request, [row for row in queryset if row.is_public], gettext("Withdrawn."))

    def _each(self, request: HttpRequest, presets: list[ModelPreset], note: str) -> None:
        for preset in presets:
            try:
                if preset.is_public:
                    keeping.withdraw(preset, owner_id=_staff(request).pk)
                else:
                    keeping.publish(preset)
            except Problem as problem:
                said = problem.errors[0].detail if problem.errors else problem.detail
                messages.error(request, f"{preset.name}: {said}")
            else:
                self.log_change(request, preset, note)
                messages.success(request, f"{preset.name}: {note}")


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin let them in
    return request.user
