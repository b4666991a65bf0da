"""The forms of the help page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from chat.models import Message
from support.models import LONGEST_TEXT, Ticket
from wisqu.accounts.models import User
from wisqu.api.ids import uuid7

ANSWERS_OFFERED = 10


class TicketForm(forms.Form):
    """A question to the staff."""

    topic = forms.ChoiceField(label=_("What is it about?"), choices=Ticket.Topic.choices, initial="other")
    subject = forms.CharField(label=_("In a few words"), max_length=120)
    text = forms.CharField(
        label=_("Your question"),
        max_length=LONGEST_TEXT,
        help_text=_("What did you do, what happened, and what did you expect?"),
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    message_id = forms.TypedChoiceField(
        label=_("Which answer is it about?"), required=False, coerce=UUID, empty_value=None
    )
    may_read_answer = forms.BooleanField(
        label=_("The staff may read this answer and my question to it."), required=False
    )
    request_id = forms.RegexField(
        r"^[A-Za-z0-9._-]{8,128}$",
        label=_("Request number"),
        required=False,
        help_text=_("If an error showed one."),
        widget=forms.TextInput(attrs={"dir": "ltr"}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("key", uuid7())
        self.fields["subject"].widget.attrs["dir"] = self.fields["text"].widget.attrs["dir"] = "auto"
        chosen = self.data.get("message_id") if self.is_bound else self.initial.get("message_id")
        field = self.fields["message_id"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("None in particular")), *_answers(user, chosen)]


class NoteForm(forms.Form):
    """What the user adds to a ticket."""

    text = forms.CharField(
        label=_("Write back"),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )


def _answers(user: User, chosen: Any) -> list[tuple[str, str]]:
    """Return the user's last answers by title and time, and the chosen one wherever it stands."""
    rows = _of_user(user)
    found = list(rows.order_by("-id")[:ANSWERS_OFFERED])
    wanted = _uuid(chosen)
    if wanted and all(answer.id != wanted for answer in found):
        found += rows.filter(id=wanted)
    return [(str(answer.id), _name(answer)) for answer in found]


def _of_user(user: User) -> QuerySet[Message]:
    mine = Message.objects.for_owner(user.pk).filter(role=Message.Role.ASSISTANT)
    return mine.select_related("conversation").only("id", "created_at", "conversation__title")


def _name(answer: Message) -> str:
    moment = date_format(timezone.localtime(answer.created_at), "SHORT_DATETIME_FORMAT")
    return f"{answer.conversation.title or _('Conversation')} · {moment}"


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
