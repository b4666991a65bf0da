"""Where in the tree a question without a wish goes."""

import pytest

from chat.conversations import place_to_continue
from chat.models import Conversation, Message
from tests.people import make_alice

pytestmark = pytest.mark.django_db


def conversation_ending(status: str) -> Conversation:
    """Two exchanges; the second question is "again?" and its answer has that status."""
    conversation = Conversation.objects.create(owner=make_alice())
    last = None
    for depth, (text, state) in enumerate((("first", "done"), ("again?", status))):
        question = Message.objects.create(
            conversation=conversation, parent=last, role="user", content=text, depth=depth * 2
        )
        last = Message.objects.create(
            conversation=conversation, parent=question, role="assistant", status=state, depth=depth * 2 + 1
        )
    conversation.head = last
    conversation.save()
    return conversation


@pytest.mark.parametrize("status", ["done", "stopped", "failed"])
def test_another_question_follows_the_last_answer(status: str) -> None:
    conversation = conversation_ending(status)

    assert place_to_continue(conversation, None, question="other") == conversation.head


def test_the_same_question_after_a_failure_takes_its_place() -> None:
    conversation = conversation_ending("failed")
    place = place_to_continue(conversation, None, question="again?")

    assert place == conversation.head.parent.parent
    assert place.parent.content == "first"


def test_the_same_question_after_an_answer_is_a_new_one() -> None:
    conversation = conversation_ending("done")

    assert place_to_continue(conversation, None, question="again?") == conversation.head


def test_while_an_answer_is_written_a_question_becomes_its_sibling() -> None:
    conversation = conversation_ending("streaming")

    assert place_to_continue(conversation, None, question="other") == conversation.head.parent.parent
