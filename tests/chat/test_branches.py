"""Branches: answering again, asking otherwise, walking, deleting."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Reservation
from chat import branches
from chat.closing import Outcome, close_turn
from chat.inputs import ChatInput, EditInput, RegenerateInput
from chat.models import Conversation, Message, Turn
from chat.reading import part_around, part_of_branch
from chat.turns import OpenTurn, open_turn
from tests.clients import Api
from tests.people import make_alice
from wisqu.accounts.models import User
from wisqu.api.problems import NotFound, Problem

QUICK = "[[pace:fast]]"


@pytest.fixture
def alice_() -> User:
    return make_alice()


def ended(opened: OpenTurn, content: str) -> Message:
    """Close the turn with this answer."""
    close_turn(
        turn_id=opened.turn_id,
        answer=opened.answer,
        outcome=Outcome(status=Turn.Status.DONE, content=content),
    )
    return opened.answer


def asked(owner: User, text: str, conversation: uuid.UUID | None = None) -> Message:
    """Ask and answer; return the answer."""
    opened = open_turn(owner_id=owner.pk, chat=ChatInput(message=text, conversation_id=conversation))
    return ended(opened, f"answer to {text}")


def head_of(message: Message) -> uuid.UUID | None:
    return Conversation.objects.get(id=message.conversation_id).head_id


def again(owner: User, message: Message, content: str = "another") -> Message:
    return ended(
        branches.regenerate(owner_id=owner.pk, message_id=message.id, wishes=RegenerateInput()), content
    )


def edited(owner: User, message: Message, text: str) -> Message:
    wishes = EditInput(message=text)
    opened = branches.edit(owner_id=owner.pk, message_id=message.id, wishes=wishes)
    return ended(opened, f"answer to {text}")


@pytest.mark.django_db
def test_another_answer_stands_beside_the_first_and_is_shown(alice_: User) -> None:
    first = asked(alice_, "Why?")
    second = again(alice_, first)
    assert second.parent_id == first.parent_id
    assert Message.objects.get(id=first.id).content == "answer to Why?"
    assert head_of(first) == second.id


@pytest.mark.django_db
def test_another_answer_is_asked_for_with_the_history_before_its_question_alone(alice_: User) -> None:
    first = asked(alice_, "One")
    second = asked(alice_, "Two", first.conversation_id)
    opened = branches.regenerate(owner_id=alice_.pk, message_id=second.id, wishes=RegenerateInput())
    sent = [message.parts[0].text for message in opened.request.messages[1:]]
    assert sent == ["One", "answer to One", "Two"]


@pytest.mark.django_db
def test_the_first_question_of_all_can_be_edited(alice_: User) -> None:
    first = asked(alice_, "One")
    second = edited(alice_, first.parent, "Uno")
    assert second.parent.parent_id is None
    assert (second.parent.depth, second.depth) == (0, 1)
    assert head_of(first) == second.id
    assert Message.objects.filter(conversation_id=first.conversation_id).count() == 4


@pytest.mark.django_db
def test_it_counts_as_any_turn(alice_: User) -> None:
    first = asked(alice_, "One")
    opened = branches.regenerate(owner_id=alice_.pk, message_id=first.id, wishes=RegenerateInput())
    assert Reservation.objects.filter(key=opened.turn_id).exists()


@pytest.mark.django_db
def test_an_answer_cannot_be_edited(alice_: User) -> None:
    answer = asked(alice_, "One")
    with pytest.raises(Problem, match="not_a_question"):
        branches.edit(owner_id=alice_.pk, message_id=answer.id, wishes=EditInput(message="x"))


@pytest.mark.django_db
def test_siblings_are_told_in_the_order_they_were_made_in_one_query(alice_: User) -> None:
    first = asked(alice_, "One")
    second, third = again(alice_, first), again(alice_, first)
    with CaptureQueriesContext(connection) as queries:
        found = branches.siblings([first.parent, second])
    assert len(queries) == 1
    assert found[second.id].ids == [first.id, second.id, third.id]
    assert (found[second.id].before, found[second.id].number, found[second.id].after) == (
        first.id,
        2,
        third.id,
    )
    assert found[first.parent_id].ids == [first.parent_id]


@pytest.mark.django_db
def test_walking_shows_the_newest_end_of_the_branch(alice_: User) -> None:
    first = asked(alice_, "One")
    end = asked(alice_, "Two", first.conversation_id)
    again(alice_, first)
    branches.show(first.conversation, first.id)
    assert head_of(first) == end.id


@pytest.mark.django_db
def test_a_message_of_another_conversation_cannot_be_shown(alice_: User) -> None:
    first, other = asked(alice_, "One"), asked(alice_, "Other")
    with pytest.raises(NotFound):
        branches.show(first.conversation, other.id)


@pytest.mark.django_db
def test_deleting_a_branch_shows_the_one_beside_it(alice_: User) -> None:
    first = asked(alice_, "One")
    second = again(alice_, first)
    asked(alice_, "Two", first.conversation_id)
    branches.delete(owner_id=alice_.pk, message_id=second.id)
    assert head_of(first) == first.id
    assert Message.objects.filter(conversation_id=first.conversation_id).count() == 2


@pytest.mark.django_db
def test_the_only_answer_takes_its_question_along(alice_: User) -> None:
    first = asked(alice_, "One")
    second = asked(alice_, "Two", first.conversation_id)
    branches.delete(owner_id=alice_.pk, message_id=second.id)
    assert head_of(first) == first.id
    branches.delete(owner_id=alice_.pk, message_id=first.id)
    assert (head_of(first), Message.objects.count()) == (None, 0)


@pytest.mark.django_db
def test_a_branch_that_is_not_shown_goes_without_moving_the_reader(alice_: User) -> None:
    first = asked(alice_, "One")
    second = again(alice_, first)
    branches.delete(owner_id=alice_.pk, message_id=first.id)
    assert head_of(second) == second.id


@pytest.mark.django_db
def test_a_branch_of_thousands_is_deleted(alice_: User) -> None:
    last = asked(alice_, "One")
    rows = []
    for depth in range(2, 3002):
        role = Message.Role.ASSISTANT if depth % 2 else Message.Role.USER
        last = Message(conversation_id=last.conversation_id, parent=last, role=role, depth=depth)
        rows.append(last)
    Message.objects.bulk_create(rows)
    assert branches.leaf_under(rows[0].id) == rows[-1].id
    branches.delete(owner_id=alice_.pk, message_id=rows[0].id)
    assert Message.objects.count() == 2


@pytest.mark.django_db
def test_a_running_turn_in_a_deleted_branch_is_named(alice_: User) -> None:
    first = asked(alice_, "One")
    opened = branches.regenerate(owner_id=alice_.pk, message_id=first.id, wishes=RegenerateInput())
    found = branches.delete(owner_id=alice_.pk, message_id=opened.answer.id)
    assert found == [opened.turn_id]


@pytest.mark.django_db
def test_a_page_of_a_long_conversation_reads_no_more_than_one_of_a_short(alice_: User) -> None:
    found = []
    for length in (60, 2000):
        conversation = Conversation.objects.create(owner=alice_)
        parent, made = None, []
        for depth in range(length):
            role = Message.Role.ASSISTANT if depth % 2 else Message.Role.USER
            parent = Message(conversation=conversation, parent=parent, role=role, depth=depth)
            made.append(parent)
        Message.objects.bulk_create(made)
        Conversation.objects.filter(id=conversation.id).update(head=parent)
        conversation.refresh_from_db()
        with CaptureQueriesContext(connection) as queries:
            part = part_of_branch(conversation)
        found.append((len(queries), len(part.messages)))
        middle = part_around(conversation, made[30].id)
        assert made[30].id in [message.id for message in middle.messages]
        assert middle.later is not None
    assert found == [(3, 50)] * 2


# --- Over HTTP and the socket -----------------------------------------------------------------------


def test_it_answers_again_and_once_for_each_key(alice: Api) -> None:
    first = alice.ask(f"Why? {QUICK}").json()["message"]
    path, key = f"/messages/{first['id']}/regenerate", {"Idempotency-Key": "again"}
    answers = [alice.http.post(path, json={}, headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["message"]["parent_id"] == first["parent_id"]
    assert Message.objects.filter(parent_id=first["parent_id"]).count() == 2
    assert alice.usage()["messages"]["used"] == 2


def test_an_edited_question_streams(alice: Api) -> None:
    first = alice.ask(f"Why? {QUICK}").json()["message"]
    body = {"message": f"[[reply:because]] {QUICK}", "stream": True}
    text = alice.http.post(f"/messages/{first['parent_id']}/edit", json=body).text
    assert '"type":"start"' in text
    assert '"content":"because"' in text
    assert Message.objects.filter(conversation_id=first["conversation_id"], parent=None).count() == 2


def test_the_socket_answers_again_and_asks_otherwise(alice: Api) -> None:
    first = alice.ask(f"Why? {QUICK}").json()["message"]
    with alice.socket() as socket:
        socket.send(type="regenerate", ref="r", message_id=first["id"])
        started = next(frame for frame in socket.until("done") if frame["type"] == "start")
        socket.send(type="edit", ref="e", message_id=first["parent_id"], message=f"How? {QUICK}")
        socket.until("done")
    assert started["user_message_id"] == first["parent_id"]
    assert Message.objects.filter(conversation_id=first["conversation_id"]).count() == 5


def test_the_branch_shown_is_chosen_and_deleted_over_http(alice: Api) -> None:
    first = alice.ask(f"Why? {QUICK}").json()["message"]
    second = alice.post(f"/messages/{first['id']}/regenerate").json()["message"]
    path = f"/conversations/{first['conversation_id']}"
    assert alice.get(path).json()["head_id"] == second["id"]
    assert alice.http.patch(path, json={"head_id": first["id"]}).json()["head_id"] == first["id"]
    assert alice.http.patch(path, json={"head_id": str(uuid.uuid4())}).status_code == 404
    assert alice.http.delete(f"/messages/{second['id']}").status_code == 204
    assert alice.get(f"{path}/messages").json()["results"][0]["id"] == first["id"]


def test_charlie_can_do_nothing_with_alices_messages(alice: Api, charlie: Api) -> None:
    first = alice.ask(f"Why? {QUICK}").json()["message"]
    path = f"/messages/{first['id']}"
    tries = [
        charlie.post(f"{path}/regenerate"),
        charlie.post(f"/messages/{first['parent_id']}/edit", message="x"),
        charlie.http.delete(path),
        charlie.http.patch(f"/conversations/{first['conversation_id']}", json={"head_id": first["id"]}),
    ]
    assert [answer.status_code for answer in tries] == [404] * 4
    assert Message.objects.count() == 2
