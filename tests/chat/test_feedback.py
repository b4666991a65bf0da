"""What people think of answers, and what staff see of it."""

from __future__ import annotations

import pytest
from django.test import Client

from chat.admin import UNSEEN
from chat.models import Feedback, Message
from tests.chat.test_conversations import Rest, make_conversations, make_messages
from tests.people import make_alice, make_charlie, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Rest:
    return Rest(make_alice())


@pytest.fixture
def answer(alice: Rest) -> Message:
    (conversation,) = make_conversations(alice.user, 1)
    make_messages(conversation, 2)
    Message.objects.filter(role="assistant").update(content="the answer", model="some/model")
    Message.objects.filter(role="user").update(content="the question")
    return Message.objects.get(role="assistant")


def rate(rest: Rest, message: Message, **said: object):
    return rest.call("put", f"/messages/{message.id}/feedback", {"rating": "down", **said})


def test_it_is_told_with_the_message_and_replaced(alice: Rest, answer: Message) -> None:
    rate(alice, answer, reason="sources", note="Which book?", consent=True)
    rate(alice, answer, rating="up")
    rows = alice.call("get", f"/conversations/{answer.conversation_id}/messages").json()["results"]
    assert rows[0]["feedback"] == {"rating": "up", "reason": None, "note": "", "consent": False}
    assert rows[1]["feedback"] is None


def test_it_can_be_taken_back(alice: Rest, answer: Message) -> None:
    rate(alice, answer)
    assert alice.call("delete", f"/messages/{answer.id}/feedback").status_code == 204
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    "said", [{"rating": "sideways"}, {"reason": "x"}, {"note": "x" * 2001}, {"stars": 5}]
)
def test_nonsense_is_refused(alice: Rest, answer: Message, said: dict) -> None:
    assert rate(alice, answer, **said).status_code == 422


def test_questions_and_unfinished_answers_are_not_rated(alice: Rest, answer: Message) -> None:
    assert rate(alice, answer.parent).json()["code"] == "not_an_answer"
    Message.objects.filter(id=answer.id).update(status="streaming")
    assert rate(alice, answer).status_code == 422


def test_charlie_rates_nothing_of_alices(alice: Rest, answer: Message) -> None:
    charlie = Rest(make_charlie())
    assert rate(charlie, answer).status_code == 404
    assert charlie.call("delete", f"/messages/{answer.id}/feedback").status_code == 404


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    return client


def test_staff_read_answer_and_question_with_consent_alone(
    alice: Rest, answer: Message, staff: Client
) -> None:
    rate(alice, answer, note="Hm")
    page = f"/admin/chat/feedback/{Feedback.objects.get().id}/change/"
    text = staff.get(page).content.decode()
    assert "some/model" in text
    assert str(UNSEEN) in text
    assert "the answer" not in text
    rate(alice, answer, consent=True)
    text = staff.get(page).content.decode()
    for written in ("the answer", "the question"):
        assert f'<div class="said-text" dir="auto">{written}</div>' in text
    assert "alice@" not in text


def test_what_is_handled_leaves_the_queue_until_it_is_said_anew(
    alice: Rest, answer: Message, staff: Client
) -> None:
    rate(alice, answer, note="Look here")
    action = {"action": "mark_handled", "_selected_action": [str(Feedback.objects.get().id)]}
    staff.post("/admin/chat/feedback/", action)
    assert "Look here" not in staff.get("/admin/chat/feedback/").content.decode()
    rate(alice, answer, note="Look again")
    assert "Look again" in staff.get("/admin/chat/feedback/").content.decode()
