"""The staff's queue of what people think of answers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.models import Feedback
from chat.reviewadmin import GuidanceAdmin, ReviewAdmin, as_written

__all__ = ["FeedbackAdmin", "GuidanceAdmin", "ReviewAdmin"]

UNSEEN = _("Not to be read: the person did not allow it.")


class Handled(admin.SimpleListFilter):
    """The queue, and what has been looked at; the queue where nothing is chosen."""

    title = _("Handled")
    parameter_name = "handled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the other choices."""
        return [("yes", gettext("Yes")), ("all", gettext("All"))]

    def choices(self, changelist: Any) -> Any:
        """Name the first choice for what it is."""
        first, *others = super().choices(changelist)
        yield {**first, "display": gettext("No")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Feedback]) -> QuerySet[Feedback]:
        """Keep the entries of the chosen answer."""
        if self.value() == "all":
            return queryset
        return (
            queryset.exclude(handled_at=None) if self.value() == "yes" else queryset.filter(handled_at=None)
        )


@admin.register(Feedback)
class FeedbackAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Thumbs, reasons and notes. Answer and question are shown with their owner's consent alone; nobody is named."""

    list_display = (
        "updated_at",
        "rating",
        "reason",
        "short_note",
        "model_used",
        "preset",
        "consent",
        "handled",
    )
    list_filter = (Handled, "rating", "reason", "may_be_read", "message__model")
    list_select_related = ("message",)
    ordering = ("-updated_at",)
    actions = ("mark_handled", "mark_open")
    fieldsets = (
        (None, {"fields": ("rating", "reason", "remark", "consent", "updated_at", "handled_at")}),
        (_("The answer"), {"fields": ("model_used", "preset", "status", "question", "answer")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        """Leave out what was thrown away."""
        rows: QuerySet[Feedback] = super().get_queryset(request)
        return rows.filter(message__conversation__deleted_at=None).select_related("message__parent")

    def get_readonly_fields(self, request: HttpRequest, obj: Feedback | None = None) -> tuple[str, ...]:
        """Nothing of it is staff's to change."""
        return tuple(str(name) for _, options in self.fieldsets for name in options["fields"])

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only people give feedback."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Feedback | None = None) -> bool:
        """It goes with its answer."""
        return False

    @admin.display(description=_("Note"))
    def short_note(self, given: Feedback) -> SafeString:
        """Return the beginning of the note."""
        return format_html('<span dir="auto">{}</span>', given.note[:80])

    @admin.display(description=_("Note"))
    def remark(self, given: Feedback) -> SafeString:
        """Return the whole note."""
        return as_written(given.note)

    @admin.display(description=_("Model"))
    def model_used(self, given: Feedback) -> str:
        """Return the model that answered."""
        return given.message.final_model_used or given.message.model

    @admin.display(description=_("Preset"))
    def preset(self, given: Feedback) -> str:
        """Return the preset that the answer was made with, and its version."""
        used = given.message.preset
        return gettext("%(slug)s, version %(version)s") % used if used else "–"

    @admin.display(description=_("Status"))
    def status(self, given: Feedback) -> str:
        """Return how the answer ended."""
        return given.message.status

    @admin.display(boolean=True, description=_("Consent to read"))
    def consent(self, given: Feedback) -> bool:
        """Tell whether staff may read answer and question."""
        return given.may_be_read

    @admin.display(boolean=True, description=_("Handled"))
    def handled(self, given: Feedback) -> bool:
        """Tell whether somebody has looked at it."""
        return given.handled_at is not None

    @admin.display(description=_("Question"))
    def question(self, given: Feedback) -> SafeString:
        """Return the question, where it may be read."""
        parent = given.message.parent
        return as_written(parent.content if parent else "") if given.may_be_read else escape(UNSEEN)

    @admin.display(description=_("Answer"))
    def answer(self, given: Feedback) -> SafeString:
        """Return the answer, where it may be read."""
        return as_written(given.message.content) if given.may_be_read else escape(UNSEEN)

    @admin.action(description=_("Mark as handled"), permissions=["change"])
    def mark_handled(self, request: HttpRequest, rows: QuerySet[Feedback]) -> None:
        """Take the chosen entries off the queue."""
        rows.update(handled_at=timezone.now())

    @admin.action(description=_("Put back on the queue"), permissions=["change"])
    def mark_open(self, request: HttpRequest, rows: QuerySet[Feedback]) -> None:
        """Put the chosen entries back."""
        rows.update(handled_at=None)
