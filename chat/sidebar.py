"""The list of conversations beside the thread: a page of it, grouped by day as its reader counts days."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import quote

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext

from chat.models import Conversation, Folder

PAGE = 40
ARCHIVE = "archive"
MOST_PINNED = 100


@dataclass(slots=True)
class Group:
    """Conversations of one stretch of days; `key` is the same wherever the list was cut."""

    key: str
    name: str
    conversations: list[Conversation] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shelf:
    """One page of the list at a place; `older` is where the next one begins, in a form for an address."""

    groups: list[Group]
    older: str
    place: str = ""


def shelf(owner_id: uuid.UUID, *, older: str = "", limit: int = PAGE, place: str = "") -> Shelf:
    """Return the page that begins after the mark `older`; a mark that makes no sense begins at the top.

    `place` is the id of a folder, or "archive"; without it the list is of all that is not put away, the pinned first.
    """
    rows = Conversation.objects.for_owner(owner_id).listed().order_by("-last_message_at", "-id")
    folder_id = _uuid(place)
    pinned: list[Conversation] = []
    if place == ARCHIVE:
        rows = rows.exclude(archived_at=None)
    elif folder_id:
        rows = rows.active().filter(folder_id=folder_id)
    else:
        place = ""
        pinned = list(rows.active().exclude(pinned_at=None)[:MOST_PINNED]) if not older else []
        rows = rows.active().filter(pinned_at=None)
    page = list(_after(rows, older)[: limit + 1])
    more = page[limit - 1] if len(page) > limit else None
    first = [Group("pinned", gettext("Pinned"), pinned)] if pinned else []
    return Shelf(first + grouped(page[:limit]), _mark(more) if more else "", place)


def folders(owner_id: uuid.UUID) -> list[Folder]:
    """Return the person's folders by name."""
    return list(Folder.objects.filter(owner_id=owner_id).order_by("name"))


def grouped(conversations: list[Conversation], *, today: date | None = None) -> list[Group]:
    """Put the conversations, newest first, under the days that people speak of."""
    today = today or timezone.localdate()
    groups: list[Group] = []
    for conversation in conversations:
        key, name = _heading(timezone.localtime(conversation.last_message_at).date(), today)
        if not groups or groups[-1].key != key:
            groups.append(Group(key, name))
        groups[-1].conversations.append(conversation)
    return groups


def _heading(day: date, today: date) -> tuple[str, str]:
    age = (today - day).days
    if age <= 0:
        return "today", gettext("Today")
    if age == 1:
        return "yesterday", gettext("Yesterday")
    if age < 7:
        return "week", gettext("This week")
    if (day.year, day.month) == (today.year, today.month):
        return "month", gettext("Earlier this month")
    return f"{day:%Y-%m}", date_format(day, "F" if day.year == today.year else "F Y")


def _mark(conversation: Conversation) -> str:
    return quote(f"{conversation.last_message_at.isoformat()}~{conversation.id}", safe="")


def _after(rows: QuerySet[Conversation], mark: str) -> QuerySet[Conversation]:
    moment, _, conversation_id = mark.partition("~")
    at, last_id = _moment(moment), _uuid(conversation_id)
    if at is None or last_id is None:
        return rows
    return rows.filter(Q(last_message_at__lt=at) | Q(last_message_at=at, id__lt=last_id))


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and timezone.is_aware(found) else None


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
