"""What a person takes along is everything, and nothing of anybody else."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.exports import conversations_of
from chat.models import Conversation, Folder, Message, Share
from tests.people import make_alice, make_charlie
from wisqu.accounts import exports

pytestmark = pytest.mark.django_db


def talk(owner, count: int) -> None:
    conversation = Conversation.objects.create(owner=owner, title=f"{owner.email} asks")
    for number in range(count):
        Message.objects.create(conversation=conversation, role="user", content=f"{owner.email} {number}")


def test_every_conversation_comes_with_its_messages_in_order() -> None:
    alice = make_alice()
    talk(alice, 3)
    (found,) = conversations_of(alice)
    assert [message["content"][-1] for message in found["messages"]] == ["0", "1", "2"]


def test_nothing_of_anybody_else_comes_along() -> None:
    alice, charlie = make_alice(), make_charlie()
    talk(alice, 1)
    talk(charlie, 1)
    assert charlie.email not in str(exports.export(alice))


def test_it_takes_two_queries_however_much_there_is() -> None:
    alice = make_alice()
    for _ in range(5):
        talk(alice, 4)
    with CaptureQueriesContext(connection) as queries:
        conversations_of(alice)
    assert len(queries) == 2


def test_plan_and_books_are_part_of_it() -> None:
    found = exports.export(make_alice())
    assert set(found) >= {"account", "billing", "conversations"}
    assert found["billing"]["plan"] == "premium"


def test_folder_and_link_come_along() -> None:
    alice = make_alice()
    talk(alice, 1)
    conversation = Conversation.objects.get()
    Share.objects.create(conversation=conversation, token="t")
    Conversation.objects.update(folder=Folder.objects.create(owner=alice, name="Fiqh"))
    (found,) = conversations_of(alice)
    assert (found["folder"], found["share"]["path"]) == ("Fiqh", "/s/t")
