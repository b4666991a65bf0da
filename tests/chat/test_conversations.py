"""Conversations and messages as REST resources."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.conversations import title_from
from chat.models import Conversation, Message
from tests.people import make_alice, make_charlie
from wisqu.accounts.models import User
from wisqu.accounts.tokens import open_family

pytestmark = pytest.mark.django_db


class Rest:
    def __init__(self, user: User) -> None:
        self.user, self.client = user, Client()
        self.headers = {"Authorization": f"Bearer {open_family(user).access}"}

    def call(self, method: str, path: str, body: dict | None = None):
        send = getattr(self.client, method)
        options = {"data": body, "content_type": "application/json"} if body is not None else {}
        return send(f"/api/v1{path}", headers=self.headers, **options)


@pytest.fixture
def alice() -> Rest:
    return Rest(make_alice())


def make_conversations(owner: User, count: int) -> list[Conversation]:
    return Conversation.objects.bulk_create(
        Conversation(owner=owner, title=f"Talk {n}") for n in range(count)
    )


def make_messages(conversation: Conversation, count: int) -> None:
    parent = None
    for number in range(count):
        role = Message.Role.ASSISTANT if number % 2 else Message.Role.USER
        parent = Message.objects.create(
            conversation=conversation,
            parent=parent,
            role=role,
            content=f"{number}",
            depth=number,
            token_estimate=5,
        )
    conversation.head = parent
    conversation.save()


def test_a_conversation_is_made_renamed_pinned_and_deleted(alice: Rest) -> None:
    made = alice.call("post", "/conversations", {"title": "Zakat"}).json()
    changed = alice.call("patch", f"/conversations/{made['id']}", {"title": "Fasting", "pinned": True}).json()
    assert (changed["title"], changed["pinned"], changed["archived"]) == ("Fasting", True, False)
    assert alice.call("delete", f"/conversations/{made['id']}").status_code == 204
    assert alice.call("get", f"/conversations/{made['id']}").status_code == 404


def test_what_a_conversation_says_can_be_sent_back(alice: Rest) -> None:
    made = alice.call("post", "/conversations", {"title": "Same"}).json()
    fields = {name: made[name] for name in ("title", "model", "pinned", "archived")}
    changed = alice.call("patch", f"/conversations/{made['id']}", fields).json()
    assert {name: changed[name] for name in fields} == fields


def test_unknown_fields_are_refused(alice: Rest) -> None:
    response = alice.call("post", "/conversations", {"title": "x", "owner": "me", "id": "y"})
    assert response.status_code == 422
    assert {error["field"] for error in response.json()["errors"]} == {"owner", "id"}


def test_pages_hold_every_conversation_once(alice: Rest) -> None:
    make_conversations(alice.user, 25)
    seen, path = [], "/conversations?limit=10"
    while path:
        page = alice.call("get", path).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"] and page["next"].split("/api/v1")[1]
    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=abc", "limit=-1", "limit=99999999999999999999", "cursor=zzz"]
)
def test_a_page_that_cannot_be_is_refused_by_its_field(alice: Rest, query: str) -> None:
    response = alice.call("get", f"/conversations?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == query.partition("=")[0]


def test_a_page_has_at_most_a_hundred(alice: Rest) -> None:
    make_conversations(alice.user, 120)
    assert len(alice.call("get", "/conversations?limit=1000").json()["results"]) == 100


def test_a_page_costs_the_same_queries_however_long_it_is(alice: Rest) -> None:
    counts = []
    for more in (2, 60):
        make_conversations(alice.user, more)
        with CaptureQueriesContext(connection) as queries:
            alice.call("get", "/conversations?limit=100")
        counts.append(len(queries))
    assert counts == [2, 2]  # the asker and the rows


def test_a_page_of_messages_costs_the_same_queries_however_long_it_is(alice: Rest) -> None:
    (conversation,) = make_conversations(alice.user, 1)
    counts = []
    for count in (2, 30):
        Message.objects.all().delete()
        make_messages(conversation, count)
        with CaptureQueriesContext(connection) as queries:
            page = alice.call("get", f"/conversations/{conversation.id}/messages?limit=100").json()
        counts.append(len(queries))
        assert len(page["results"]) == count
    assert counts == [3, 3]  # the asker, the conversation, the rows


def test_messages_come_newest_first_with_the_facts_of_the_answer(alice: Rest) -> None:
    (conversation,) = make_conversations(alice.user, 1)
    make_messages(conversation, 4)
    rows = alice.call("get", f"/conversations/{conversation.id}/messages").json()["results"]
    assert [row["content"] for row in rows] == ["3", "2", "1", "0"]
    assert rows[0]["usage"]["cost_usd"] is None
    assert rows[1]["usage"] is None


def test_charlie_sees_nothing_of_alices(alice: Rest) -> None:
    make_conversations(alice.user, 3)
    assert Rest(make_charlie()).call("get", "/conversations").json()["results"] == []


def test_a_branch_is_cut_by_the_database_at_its_budget(alice: Rest) -> None:
    (conversation,) = make_conversations(alice.user, 1)
    make_messages(conversation, 100)
    conversation.refresh_from_db()
    found = Message.objects.branch(conversation.head_id, token_budget=9 * 10)
    assert [message.content for message in found] == [str(n) for n in range(90, 100)]


def test_a_branch_holds_no_message_of_its_siblings(alice: Rest) -> None:
    (conversation,) = make_conversations(alice.user, 1)
    make_messages(conversation, 4)
    first = Message.objects.get(content="1")
    sibling = Message.objects.create(
        conversation=conversation, parent=first, role="user", content="other", depth=2
    )
    found = Message.objects.branch(sibling.id, token_budget=1000)
    assert [message.content for message in found] == ["0", "1", "other"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What is zakat?", "What is zakat?"),
        ("\n\n  First line\nsecond", "First line"),
        ("ما معنى " * 20, "ما معنى " * 7 + "ما…"),
        ("x" * 200, "x" * 59 + "…"),
    ],
)
def test_a_title_is_the_first_line_cut_at_a_word(text: str, title: str) -> None:
    assert title_from(text) == title
    assert len(title_from(text)) <= 60
