"""The admin site: all tables behind one start page, in sections, with a second factor where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.desk import Desk, built_on

# Where tables stand in the navigation. What is not named here stands in its app's own section.
SECTIONS: dict[str, tuple[str, ...]] = {
    "people": ("accounts.user", "accounts.apikey", "support.ticket", "chat.feedback", "chat.review"),
    "money": (
        "billing.planlimit",
        "billing.subscription",
        "billing.order",
        "billing.invoice",
        "billing.ledgerentry",
        "billing.monthlyusagequota",
        "billing.quotagrant",
        "billing.subscriptionchange",
        "billing.webhookevent",
        "billing.billingmail",
        "billing.usagerepair",
    ),
    "product": ("presets.cataloguemodel", "presets.modelpreset", "imagery.", "quran.", "chat.guidance"),
    "house": ("console.auditentry", "console.planversion", "auth.group", "account.emailaddress"),
}


def _section_names() -> dict[str, str]:
    return {"people": _("People"), "money": _("Money"), "product": _("Product"), "house": _("House")}


class ConsoleSite(admin.AdminSite):
    """Django's admin site, with our start page, our lists and our log."""

    site_header = "WisQu"
    site_title = gettext_lazy("WisQu console")
    index_title = gettext_lazy("Overview")
    enable_nav_sidebar = False  # the console has a navigation of its own

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: Any = None,
        **options: Any,
    ) -> None:
        """Register a table; whatever its app gives it, the console's own comes on top."""
        super().register(model_or_iterable, built_on(admin_class or ModelAdmin), **options)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Return the console's own pages before those of the tables."""
        from console import answers, reading

        def page(view: Callable[..., Any]) -> Any:
            return self.admin_view(view)

        return [
            path("find/", page(answers.find), name="console_find"),
            path("answers/<uuid:message_id>/", page(answers.show), name="console_answer"),
            path("conversations/<uuid:conversation_id>/", page(reading.ask), name="console_open"),
            path("reading/<uuid:entry_id>/", page(reading.read), name="console_read"),
            *super().get_urls(),
        ]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Let in who is staff, and has shown a second factor where the settings ask for one."""
        from console.secondfactor import where_to_prove

        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if settings.STAFF_SECOND_FACTOR and self.has_permission(request):
                missing = where_to_prove(request)
                if missing:
                    return HttpResponseRedirect(missing)
            response: HttpResponseBase = guarded(request, *args, **kwargs)
            return response

        return inner

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the start page."""
        from console import overview

        return overview.page(request, self.each_context(request) | (extra_context or {}))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page shows: the navigation in sections."""
        context = super().each_context(request)
        return context | {"sections": self._sections(context["available_apps"])}

    def _sections(self, app_list: list[dict[str, Any]]) -> list[dict[str, Any]]:
        tables = {
            f"{app['app_label']}.{table['object_name'].lower()}": table
            for app in app_list
            for table in app["models"]
            if table["admin_url"]
        }
        names, found = _section_names(), []
        for key, labels in SECTIONS.items():
            mine = [label for wish in labels for label in tables if label == wish or _is_app(wish, label)]
            if mine:
                found.append({"name": names[key], "tables": [tables.pop(label) for label in mine]})
        rest: dict[str, list[dict[str, Any]]] = {}
        for label, table in tables.items():
            rest.setdefault(str(apps.get_app_config(label.partition(".")[0]).verbose_name), []).append(table)
        return found + [{"name": name, "tables": each} for name, each in rest.items()]


def _is_app(wish: str, label: str) -> bool:
    return wish.endswith(".") and label.startswith(wish)


__all__ = ["ConsoleSite", "Desk"]
