"""Public links to conversations: made, looked up and revoked. What the link shows is `templates/chat/shared.html`."""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.urls import reverse

from chat.models import Conversation, Message, Share
from chat.reading import branch_ids
from wisqu.api.problems import NotFound, Problem

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_SHOWN = ("role", "content", "attached", "status", "citations", "quotations", "references", "depth", "review")
# Messages of a shared conversation on one page.
PAGE = 100


@dataclass(frozen=True, slots=True)
class Shared:
    """A page of a shared conversation: what everybody with the link may see, and nothing about its owner."""

    title: str
    is_live: bool
    messages: list[Message]
    number: int  # of this page, from 1
    pages: int


@transaction.atomic
def share(*, owner_id: uuid.UUID, conversation_id: uuid.UUID, is_live: bool = False) -> Share:
    """Return the conversation's link, made now or before; sharing again shows the present state, in that way.

    Raises NotFound, and Problem 422 `nothing_to_share` for a conversation without a whole answer.
    """
    conversation = (
        Conversation.objects.for_owner(owner_id)
        .select_for_update(of=("self",))
        .filter(id=conversation_id)
        .first()
    )
    if conversation is None or conversation.is_temporary:
        raise NotFound
    end = _last_whole(conversation)
    if end is None:
        raise Problem(422, "nothing_to_share", "This conversation has no answer yet that could be shared.")
    values = {"head": None if is_live else end, "title": "" if is_live else conversation.title}
    found, _ = Share.objects.update_or_create(
        conversation=conversation,
        defaults=values,
        create_defaults={**values, "token": secrets.token_urlsafe(32)},
    )
    return found


def revoke(*, owner_id: uuid.UUID, conversation_id: uuid.UUID) -> None:
    """Make the link lead nowhere from now on. Raises NotFound; harmless where there was no link."""
    if not Conversation.objects.for_owner(owner_id).filter(id=conversation_id).exists():
        raise NotFound
    Share.objects.filter(conversation_id=conversation_id).delete()


def read(token: str, *, number: int = 1) -> Shared | None:
    """Return a page of what the link shows; None for a link that leads nowhere (any more)."""
    if not _TOKEN.fullmatch(token):
        return None
    found = (
        Share.objects.filter(token=token, conversation__deleted_at=None)
        .select_related("conversation", "head")
        .first()
    )
    if found is None:
        return None
    is_live = found.head is None
    end = found.head or _last_whole(found.conversation)
    ids = branch_ids(found.conversation_id, end.id)[::-1] if end else []
    pages = max(-(-len(ids) // PAGE), 1)
    number = min(max(number, 1), pages)
    rows = Message.objects.filter(id__in=ids[(number - 1) * PAGE : number * PAGE])
    messages = rows.only(*_SHOWN).select_related("review").order_by("depth")
    title = found.conversation.title if is_live else found.title
    return Shared(title, is_live, list(messages), number, pages)


def document(found: Share) -> dict[str, Any]:
    """Return the link as its owner sees it; `path` belongs behind the site's address."""
    return {
        "path": reverse("shared", args=[found.token]),
        "live": found.head_id is None,
        "created_at": found.created_at,
    }


def loaded(conversation: Conversation) -> Share | None:
    """Return the link that was read with the conversation; never asks the database."""
    found: Share | None = conversation._state.fields_cache.get("share")
    return found


def _last_whole(conversation: Conversation) -> Message | None:
    """Return the last answer of the shown branch that has ended and says something."""
    if conversation.head_id is None:
        return None
    ids = branch_ids(conversation.id, conversation.head_id, limit=6)
    rows = Message.objects.filter(id__in=ids, role=Message.Role.ASSISTANT).exclude(content="")
    found: Message | None = rows.exclude(status=Message.Status.STREAMING).order_by("-depth").first()
    return found
