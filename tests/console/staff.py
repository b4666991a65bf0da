"""The staff of the console's tests, and what they look at."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from chat.models import Conversation, Message, Turn
from console import roles
from tests.people import PASSWORD, make_user, signed_in
from wisqu.accounts.models import User

SECRET = "a word that nobody else may read"


def boss() -> Client:
    """Return the browser of a superuser."""
    return signed_in(User.objects.create_superuser("boss@example.org", PASSWORD))


def member(role: str) -> Client:
    """Return the browser of a member of staff with one role."""
    roles.seed()
    user = make_user(f"{role}@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return signed_in(user)


def answered(user: User, **facts: Any) -> Message:
    """Store a question with its answer, both of which hold SECRET."""
    conversation = Conversation.objects.create(owner=user, title=SECRET)
    question = Message.objects.create(conversation=conversation, role="user", content=SECRET)
    facts = {"status": "done", "model": "openai/gpt-4o-mini", "content": SECRET, **facts}
    answer = Message.objects.create(
        conversation=conversation, role="assistant", parent=question, depth=1, **facts
    )
    Turn.objects.create(
        owner=user, conversation=conversation, question=question, answer=answer, status=facts["status"]
    )
    Conversation.objects.filter(pk=conversation.pk).update(head=answer)
    return answer


def shown(answer: Any) -> str:
    """Return the page as text."""
    return str(answer.content.decode())


def desk_of(user: User, act: str = "") -> str:
    """Return the address of somebody's desk, or of an act on it."""
    return f"/admin/accounts/user/{user.pk}/desk/" + (f"{act}/" if act else "")
