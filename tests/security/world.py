"""Alice and everything she may own, Charlie who must not find any of it, and the ways in which each can sign in."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.test import Client
from django.utils import timezone

from billing.models import UsageWarning
from billing.plans import subscription_for
from chat import sharing
from chat.models import Attachment, Conversation, Folder, Message, Turn
from imagery.models import GeneratedImage
from presets.models import ModelPreset
from support import tickets
from tests.billing.test_pages import make_invoice
from tests.people import make_user, signed_in
from tests.security.matrix import Route
from wisqu.accounts.credentials import make_key
from wisqu.accounts.models import User
from wisqu.accounts.tokens import open_family
from wisqu.files import storage

# Stands in whatever Alice wrote: nobody else's answer may hold it.
MARK = "alicesmark"
ANYTHING = {"surah": "1", "ayah": "1", "first": "1", "last": "2"}


class World:
    """Alice's things by name, each a real row."""

    def __init__(self, number: int = 0) -> None:
        self.alice = make_user(f"alice{number}@example.org", "premium", name=MARK)
        self.things = {**self._talk(), **self._papers(), **self._files()}
        _, self.key = make_key(user=self.alice, name="all", scopes=["read", "write", "account"])

    def _talk(self) -> dict[str, uuid.UUID]:
        folder = Folder.objects.create(owner=self.alice, name=MARK)
        talk = Conversation.objects.create(owner=self.alice, title=MARK, folder=folder)
        question = Message.objects.create(conversation=talk, role="user", content=MARK)
        answer = Message.objects.create(
            conversation=talk, role="assistant", parent=question, depth=1, content=MARK, status="done"
        )
        talk.head = answer
        talk.save()
        turn = Turn.objects.create(
            owner=self.alice, conversation=talk, question=question, answer=answer, status="done"
        )
        sharing.share(owner_id=self.alice.pk, conversation_id=talk.id)
        preset = ModelPreset.objects.create(owner=self.alice, name=MARK, slug="hers", system_prompt=MARK)
        return {
            "conversation": talk.id, "question": question.id, "answer": answer.id, "turn": turn.id,
            "folder": folder.id, "preset": preset.id,
        }  # fmt: skip

    def _papers(self) -> dict[str, uuid.UUID]:
        row, _ = make_key(user=self.alice, name=MARK, scopes=["read"])
        period = subscription_for(self.alice.pk).present_period
        warning = UsageWarning.objects.create(
            user=self.alice, period_start=period.start, measure="messages", percent=80
        )
        ticket = tickets.open_ticket(user=self.alice, via="api", subject=MARK, text=MARK, topic="other")
        return {
            "key": row.id, "warning": warning.pk, "ticket": ticket.id, "invoice": make_invoice(self.alice).id,
        }  # fmt: skip

    def _files(self) -> dict[str, uuid.UUID]:
        text = MARK.encode()
        attachment = Attachment.objects.create(
            owner=self.alice,
            sha256="0" * 64,
            name=f"{MARK}.txt",
            family="text",
            media_type="text/plain",
            size=len(text),
            key=storage.save(folder="attachments", ending="txt", data=text),
            text=MARK,
        )
        made = {
            "status": "done",
            "asked_at": timezone.now(),
            "ended_at": timezone.now(),
            "media_type": "image/png",
        }
        key = storage.save(folder="images", ending="png", data=text)
        picture = GeneratedImage.objects.create(
            owner=self.alice,
            batch_id=uuid.uuid4(),
            prompt=MARK,
            model="x/y",
            key=key,
            thumbnail_key=key,
            width=1,
            height=1,
            size=1,
            **made,
        )
        return {"attachment": attachment.id, "image": picture.id}

    def path(self, route: str, rule: Route, *, strange: bool = False) -> str:
        """Return the path with Alice's ids, or with ids that nobody has."""
        path = route.partition(" ")[2]
        for name in rule.ids:
            thing = uuid.uuid4() if strange else self.things[name]
            path = re.sub(r"\{(id|\w+_id)\}", str(thing), path, count=1)
        return "/api/v1" + re.sub(r"\{(\w+)\}", lambda found: ANYTHING[found[1]], path)


class Visitor:
    """Somebody with one kind of credential; `name` says which."""

    def __init__(self, name: str, client: Client, headers: dict[str, str] | None = None) -> None:
        self.name, self.client, self.headers = name, client, headers or {}

    def call(self, verb: str, path: str, body: dict[str, Any] | None) -> Any:
        options: dict[str, Any] = {"headers": self.headers}
        if body is not None:
            options |= {"data": body, "content_type": "application/json"}
        return getattr(self.client, verb.lower())(path, **options)


def bearer(name: str, token: str) -> Visitor:
    return Visitor(name, Client(), {"Authorization": f"Bearer {token}"})


def every_way(user: User) -> list[Visitor]:
    """Return the user as page, as program with a token, and as program with a key."""
    _, key = make_key(user=user, name="everything", scopes=["read", "write", "account"])
    return [
        Visitor("session", signed_in(user)),
        bearer("token", open_family(user).access),
        bearer("key", key),
    ]
