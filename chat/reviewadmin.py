"""The scholars' desk: answers to look at, what is found of them, and guidance for questions alike."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat import guidance, reviews
from chat.notes import Note, notes
from chat.rendering import render
from chat.trust import Guidance, Review
from wisqu.accounts.models import User

UNSEEN = _("Not to be read: the person did not allow it. What the check found is shown below.")


class Open(admin.SimpleListFilter):
    """The queue, and what is decided; the queue where nothing is chosen."""

    title = _("Decided")
    parameter_name = "decided"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the other choices."""
        return [("yes", gettext("Yes")), ("all", gettext("All"))]

    def choices(self, changelist: Any) -> Any:
        """Name the first choice for what it is."""
        first, *others = super().choices(changelist)
        yield {**first, "display": gettext("No")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        """Keep the reviews of the chosen answer."""
        if self.value() == "all":
            return queryset
        return queryset.exclude(verdict="") if self.value() == "yes" else queryset.filter(verdict="")


class ReviewForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a scholar decides. With questions a correction is pinned for questions like them."""

    pin_for = forms.CharField(
        label=_("Pin it for questions like"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        help_text=_(
            "Questions in your own words, one a line: models are told the correction beside questions like them. "
            "Empty: it is not pinned."
        ),
    )

    class Meta:
        model = Review
        fields = ("verdict", "correction", "pin_for")
        widgets = {"correction": forms.Textarea(attrs={"rows": 8, "dir": "auto"})}

    def clean(self) -> dict[str, Any]:
        """Ask for words where something is corrected or pinned."""
        found = super().clean() or self.cleaned_data
        is_corrected = found.get("verdict") == Review.Verdict.CORRECTED
        if not found.get("verdict"):
            self.add_error("verdict", _("Say what you found."))
        if is_corrected and not found.get("correction", "").strip():
            self.add_error("correction", _("Write the correction: the reader is told it."))
        if found.get("pin_for") and not is_corrected:
            self.add_error("pin_for", _("Only a correction can be pinned."))
        return found


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Answers whose check failed, or whose reader says that they are not correct. Nobody is named."""

    form = ReviewForm
    list_display = (
        "opened_at",
        "reason",
        "found",
        "model_used",
        "preset",
        "consent",
        "verdict",
        "reviewed_at",
    )
    list_filter = (Open, "reason", "verdict", "message__model")
    ordering = ("-opened_at",)
    readonly_fields = ("reason", "opened_at", "model_used", "preset", "consent", "question", "answer", "findings",
                       "remark", "reviewer", "reviewed_at")  # fmt: skip
    fieldsets = (
        (None, {"fields": ("reason", "opened_at", "model_used", "preset", "consent", "remark")}),
        (_("The answer"), {"fields": ("question", "answer", "findings")}),
        (_("What you found"), {"fields": ("verdict", "correction", "pin_for", "reviewer", "reviewed_at")}),
    )

    class Media:
        """The face of the verses."""

        css = {"all": ("css/quoted.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        """Leave out what was thrown away."""
        return reviews.queue()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """What is in the queue comes from checks and readers."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Review | None = None) -> bool:
        """It goes with its answer."""
        return False

    def save_model(self, request: HttpRequest, obj: Review, form: Any, change: bool) -> None:
        """Decide; the reader is told of a correction, and a pinned one becomes guidance."""
        reviewer = cast(User, request.user)
        facts = form.cleaned_data
        stored = Review.objects.select_related("message").get(pk=obj.pk)
        reviews.decide(stored, reviewer=reviewer, verdict=facts["verdict"], correction=facts["correction"])
        if facts["pin_for"].strip():
            if not request.user.has_perm("chat.add_guidance"):
                self.message_user(request, gettext("You may not pin corrections."), messages.WARNING)
                return
            Guidance.objects.create(
                questions=facts["pin_for"], text=facts["correction"][:2000], review=stored, author=reviewer
            )
            guidance.forget()
            self.message_user(request, gettext("The correction is pinned for questions like yours."))

    @admin.display(description=_("Found"))
    def found(self, review: Review) -> str:
        """Return what the check found, in a few words."""
        kinds = [note.label for note in _flaws(review)]
        return ", ".join(f"{kind} ×{kinds.count(kind)}" for kind in dict.fromkeys(kinds)) or "–"

    @admin.display(description=_("Model"))
    def model_used(self, review: Review) -> str:
        """Return the model that answered."""
        return review.message.final_model_used or review.message.model

    @admin.display(description=_("Preset"))
    def preset(self, review: Review) -> str:
        """Return the preset that the answer was made with, and its version."""
        used = review.message.preset
        return gettext("%(slug)s, version %(version)s") % used if used else "–"

    @admin.display(boolean=True, description=_("Consent to read"))
    def consent(self, review: Review) -> bool:
        """Tell whether question and answer may be read."""
        return reviews.may_be_read(review)

    @admin.display(description=_("Question"))
    def question(self, review: Review) -> SafeString:
        """Return the question, where it may be read."""
        parent = review.message.parent
        return as_written(parent.content if parent else "") if reviews.may_be_read(review) else escape(UNSEEN)

    @admin.display(description=_("Answer"))
    def answer(self, review: Review) -> SafeString:
        """Return the answer as its reader sees it, where it may be read."""
        if not reviews.may_be_read(review):
            return escape(UNSEEN)
        return format_html('<div dir="auto">{}</div>', render(review.message.content))

    @admin.display(description=_("The reader's remark"))
    def remark(self, review: Review) -> SafeString:
        """Return what the reader wrote to those who run the site."""
        given = getattr(review.message, "feedback", None)
        return as_written(given.note if given else "")

    @admin.display(description=_("What the check found"))
    def findings(self, review: Review) -> SafeString:
        """Return the flaws, with the verses meant. Words of the answer are shown with its reader's consent alone."""
        is_read = reviews.may_be_read(review)
        lines = (
            (note.label, note.name, f"{note.written}: {note.explanation}" if is_read else "", _verses(note))
            for note in _flaws(review)
        )
        return format_html_join("", '<p dir="auto"><b>{}</b> {} {}<br>{}</p>', lines) or SafeString("–")


def as_written(text: str) -> SafeString:
    """Return what a person or a model wrote: its lines kept, and each language in its own direction."""
    return format_html('<div class="said-text" dir="auto">{}</div>', text)


def _flaws(review: Review) -> list[Note]:
    found = notes(review.message.quotations, review.message.references)
    return [note for note in found if note.is_flaw]


def _verses(note: Note) -> SafeString:
    return format_html_join(
        " ", '<span class="ayah" lang="ar" dir="rtl">{}</span>', ((verse.text,) for verse in note.verses)
    )


@admin.register(Guidance)
class GuidanceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What models are told beside questions like some."""

    list_display = ("first_question", "short_text", "is_active", "author", "updated_at")
    list_filter = ("is_active",)
    fields = ("questions", "text", "is_active", "author", "created_at", "updated_at")
    readonly_fields = ("author", "created_at", "updated_at")
    search_fields = ("questions", "text")

    def save_model(self, request: HttpRequest, obj: Guidance, form: Any, change: bool) -> None:
        """Keep whose it is, and let it hold from the next question on."""
        if not change:
            obj.author = cast(User, request.user)
        super().save_model(request, obj, form, change)
        guidance.forget()

    @admin.display(description=_("Questions like"))
    def first_question(self, row: Guidance) -> str:
        """Return the first of its examples."""
        return str(row)

    @admin.display(description=_("Guidance"))
    def short_text(self, row: Guidance) -> SafeString:
        """Return the beginning of it."""
        return format_html('<span dir="auto">{}</span>', row.text[:80])
