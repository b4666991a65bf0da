"""What every table of the console can do: lists that stay fast, an export, and an entry in the audit for each act."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse

from console import audit, exports, lists
from console.models import AuditEntry
from wisqu.api.ids import uuid7

Verb = AuditEntry.Verb
# Of these the log keeps the values that were changed; of all others, which hold what people wrote, the names alone.
OPEN_APPS = frozenset({"billing", "presets"})
# Sorting these by any column would read all of them.
HUGE = frozenset({"billing.ledgerentry"})


class Desk(admin.ModelAdmin):  # type: ignore[type-arg]
    """Stands before the class that an app has registered (`console.site`)."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    change_list_template = "admin/console/list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the list that does not count."""
        return lists.FastList

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters; what was a hierarchy of dates, which reads all rows, is one of them."""
        chosen = list(super().get_list_filter(request))
        hierarchy = type(self).moment
        if hierarchy and hierarchy not in chosen:
            chosen.insert(0, hierarchy)
        return [lists.light_filter(self.model, item) for item in chosen]

    moment: str | None = None

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the newest first by the key where keys tell the time: it is always indexed."""
        own = self.ordering
        default = self.model._meta.ordering or ("-pk",)
        is_timed = getattr(self.model._meta.pk, "default", None) is uuid7
        newest_first = not isinstance(default[0], str) or default[0].startswith("-")
        return own if own is not None else ("-pk",) if is_timed and newest_first else ()

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Sort a table that may have millions of rows by what has an index alone, every other by any column."""
        if self.opts.label_lower not in HUGE:
            return super().get_sortable_by(request)
        indexed = {field.name for field in self.opts.concrete_fields if getattr(field, "db_index", False)}
        return [name for name in self.get_list_display(request) if name in indexed and name != "user"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by what indexes answer."""
        return lists.matching(queryset, self.get_search_fields(request), search_term)

    # --- The export ---------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the table, and that of its export."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        own = path("export.csv", self.admin_site.admin_view(self.export_view), name=name)
        return [own, *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Send the list as it is filtered and searched, whole."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        shown = self.get_changelist_instance(request)
        columns = [name for name in shown.list_display if name != "action_checkbox"]
        audit.note(request, Verb.EXPORTED, self.model, query=request.GET.urlencode())
        return exports.as_file(request, shown.queryset, self, cast(list[str], columns))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list, with the way to its export."""
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_export")
        query = request.GET.urlencode()
        context = {"export_address": f"{address}?{query}" if query else address}
        return super().changelist_view(request, context | (extra_context or {}))

    # --- The audit ----------------------------------------------------------------------------------

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Remember what a change was from and to, for the log."""
        request.audit_facts = self._changes(form) if change else {}  # type: ignore[attr-defined]
        return super().save_form(request, form, change)

    def _changes(self, form: Any) -> dict[str, Any]:
        names = [name for name in form.changed_data if name != "why"]
        if self.opts.app_label not in OPEN_APPS:
            return {"fields": names}
        known = form.initial
        return {
            name: [audit.plain(known.get(name)), audit.plain(form.cleaned_data.get(name))] for name in names
        }

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Note it in the audit as well."""
        audit.note(request, Verb.ADDED, obj, why=request.POST.get("why", ""))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Note it in the audit as well."""
        facts = getattr(request, "audit_facts", None)
        if facts is None:
            facts = {"said": message if isinstance(message, str) else ""}
        audit.note(request, Verb.CHANGED, obj, why=request.POST.get("why", ""), changes=facts)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Note each in the audit as well."""
        for obj in queryset:
            audit.note(request, Verb.DELETED, obj)
        return super().log_deletions(request, queryset)

    def response_action(  # type: ignore[override]  # the stubs know a parameter that Django doesn't
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> Any:
        """Do the chosen action and note it; deleting is noted row by row elsewhere."""
        name, chosen = request.POST.get("action", ""), request.POST.getlist("_selected_action")
        response = super().response_action(request, queryset)
        if (
            response is not None
            and chosen
            and name in self.get_actions(request)
            and name != "delete_selected"
        ):
            audit.note(
                request, Verb.ACTED, self.model, why=request.POST.get("why", ""), action=name, rows=chosen
            )
        return response


def built_on(desk: type[admin.ModelAdmin]) -> type[admin.ModelAdmin]:  # type: ignore[type-arg]
    """Return the class with all that every table of the console can do before it."""
    if issubclass(desk, Desk):
        return desk
    own: dict[str, Any] = {"__module__": desk.__module__, "__doc__": desk.__doc__}
    hierarchy = desk.date_hierarchy
    if hierarchy:
        own |= {"moment": hierarchy, "date_hierarchy": None}
    return type(desk.__name__, (Desk, desk), own)
