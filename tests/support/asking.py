"""Tickets and answers for the tests of support."""

from __future__ import annotations

from typing import Any

from chat.models import Conversation, Message
from support import tickets
from support.models import Ticket
from wisqu.accounts.models import User

QUESTION = {"subject": "Where is my answer?", "text": "It broke off.", "topic": "fault"}


def ask(user: User, **changes: Any) -> Ticket:
    """Open a ticket as the page does."""
    return tickets.open_ticket(user=user, via="page", **{**QUESTION, **changes})


def make_answer(user: User, text: str = "A secret answer", question: str = "A secret question") -> Message:
    """Store a question with its answer."""
    conversation = Conversation.objects.create(owner=user, title="On prayer")
    asked = Message.objects.create(conversation=conversation, role="user", content=question)
    return Message.objects.create(
        conversation=conversation, role="assistant", content=text, parent=asked, model="openai/gpt-4o-mini"
    )
