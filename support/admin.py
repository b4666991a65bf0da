"""The queue of tickets: read, answer, close. Staff find here what answering takes, and the answer only with consent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.plans import subscription_for
from support import tickets
from support.models import LONGEST_TEXT, Note, Ticket
from wisqu.accounts.models import User


class AnswerForm(forms.ModelForm):  # type: ignore[type-arg]
    """What staff write."""

    answer = forms.CharField(
        label=_("Answer"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 10, "cols": 90, "dir": "auto"}),
        help_text=_("Shown on the person's page and mailed to the person."),
    )
    was_mailed = forms.BooleanField(
        required=False,
        label=_("I have mailed this already"),
        help_text=_("It is noted, and not mailed again."),
    )
    last_read = forms.UUIDField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Ticket
        fields = ("topic",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        newest = self.instance.notes.order_by("-id").values_list("id", flat=True).first()
        self.initial["last_read"] = newest


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Waiting tickets first, priority plans before the others, then by promised time."""

    form = AnswerForm
    list_display = ("reference", "subject", "user", "plan", "is_priority", "status", "due_at", "in_time")
    list_filter = ("status", "is_priority", "topic", "plan", "created_at")
    list_select_related = ("user",)
    search_fields = ("id", "user__email", "subject", "request_id")
    ordering = ()
    actions = ("close",)
    readonly_fields = (
        "reference",
        "account",
        "plan_now",
        "subject",
        "status",
        "due_at",
        "request_id",
        "about",
        "said",
    )
    fields = (*readonly_fields, "topic", "answer", "was_mailed", "last_read")

    @admin.display(description=_("number"))
    def reference(self, ticket: Ticket) -> str:
        """Return its short name."""
        return ticket.reference

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        """In the order of the queue."""
        return Ticket.objects.queue()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tickets come from users."""
        return False

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Those who may answer."""
        return request.user.has_perm("support.change_ticket")

    def save_model(self, request: HttpRequest, obj: Ticket, form: AnswerForm, change: bool) -> None:
        """Store the topic, and the answer where one was written."""
        obj.save(update_fields=["topic"])
        text = form.cleaned_data.get("answer")
        if text:
            assert isinstance(request.user, User)  # the admin let nobody else in
            tickets.answer(
                ticket=obj,
                staff=request.user,
                text=text,
                via=Note.Via.MAIL if form.cleaned_data["was_mailed"] else Note.Via.ADMIN,
                is_mailed=form.cleaned_data["was_mailed"],
                last_read=form.cleaned_data["last_read"],
            )

    @admin.action(description=_("Close: nothing is left to answer"), permissions=["close"])
    def close(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        """Close the chosen ones."""
        for ticket in queryset:
            tickets.close(ticket=ticket)

    @admin.display(description=_("in time"), boolean=True)
    def in_time(self, ticket: Ticket) -> bool | None:
        """Tell whether the promise can still be kept; None for what does not wait."""
        return not ticket.is_overdue if ticket.status == Ticket.Status.WAITING else None

    @admin.display(description=_("account"))
    def account(self, ticket: Ticket) -> SafeString:
        """Return who asks, with the way to the account."""
        address = reverse("admin:accounts_user_change", args=[ticket.user_id])
        person = ticket.user
        return format_html(
            '<a href="{}">{}</a> · {} · {} · {}',
            address,
            person.email,
            person.name or gettext("without a name"),
            person.language,
            gettext("since %(day)s") % {"day": f"{person.joined_at:%Y-%m-%d}"},
        )

    @admin.display(description=_("plan now"))
    def plan_now(self, ticket: Ticket) -> str:
        """Return plan and standing of the account as they are now."""
        subscription = subscription_for(ticket.user_id)
        return f"{subscription.plan.name}, {subscription.get_status_display().lower()}"

    @admin.display(description=_("about the answer"))
    def about(self, ticket: Ticket) -> SafeString:
        """Return the facts of the answer that it is about, and its text where the user allows it."""
        message = ticket.message
        if message is None:
            return format_html("{}", gettext("no answer named"))
        facts = (message.id, message.final_model_used or message.model, message.generation_id)
        line = format_html_join(
            " · ", "<code>{}</code>", ((fact,) for fact in (*facts, message.status) if fact)
        )
        if not ticket.may_read_answer:
            return format_html("{}<p>{}</p>", line, gettext("The person keeps its text private."))
        question = message.parent.content if message.parent else ""
        return format_html(
            '{}<h4>{}</h4><div dir="auto">{}</div><h4>{}</h4><div dir="auto">{}</div>',
            line,
            gettext("Question"),
            _lines(question),
            gettext("Answer"),
            _lines(message.content),
        )

    @admin.display(description=_("said so far"))
    def said(self, ticket: Ticket) -> SafeString:
        """Return everything that was said, oldest first."""
        rows = [
            (
                (note.author.email if note.author else gettext("staff"))
                if note.from_staff
                else gettext("the person"),
                f"{timezone.localtime(note.created_at):%Y-%m-%d %H:%M}",
                note.get_via_display(),
                _lines(note.text),
            )
            for note in ticket.notes.select_related("author")
        ]
        return format_html_join("", '<p><b>{}</b> · {} · {}</p><div dir="auto">{}</div><hr>', rows)


def _lines(text: str) -> SafeString:
    return format_html_join("", "{}<br>", ((line,) for line in text.splitlines()))
