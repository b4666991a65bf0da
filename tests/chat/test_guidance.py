"""Guidance by scholars is told beside questions like its examples, behind what is cached, the same each time."""

from __future__ import annotations

import pytest

from chat import guidance, turns
from chat.inputs import ChatInput
from chat.models import Guidance, Message
from tests.people import make_alice

pytestmark = pytest.mark.django_db

QUESTION = "How many rakats are in the Fajr prayer?"


@pytest.fixture(autouse=True)
def pinned() -> Guidance:
    guidance.forget()
    yield Guidance.objects.create(
        questions=f"{QUESTION}\nكم ركعة في صلاة الفجر", text="Name the two sunnah rakats apart."
    )
    guidance.forget()


@pytest.mark.parametrize(
    "question", [QUESTION, "how many Rakats in fajr prayer please", "كم عدد ركعات صلاة الفجر؟ كم ركعة"]
)
def test_a_question_alike_is_told_it(question: str) -> None:
    assert guidance.for_question(question) == "Name the two sunnah rakats apart."


@pytest.mark.parametrize("question", ["What is zakat?", "prayer", "Fajr " + "and many other words " * 20])
def test_another_question_is_not(question: str) -> None:
    assert guidance.for_question(question) == ""


def test_switched_off_it_is_told_nobody(pinned: Guidance) -> None:
    Guidance.objects.update(is_active=False)
    guidance.forget()
    assert guidance.for_question(QUESTION) == ""


def test_it_stands_behind_the_question_and_is_sent_again_to_the_byte() -> None:
    alice = make_alice()
    first = turns.open_turn(owner_id=alice.pk, chat=ChatInput(message=QUESTION))
    told = first.request.messages[-1]
    assert told.parts[0].text.startswith(QUESTION)
    assert "sunnah rakats" in told.parts[0].text
    assert "sunnah rakats" not in first.request.messages[0].parts[0].text
    Message.objects.filter(id=first.answer.id).update(content="Two.", status="done")
    Guidance.objects.all().delete()
    guidance.forget()
    wish = ChatInput(message="And then?", conversation_id=first.conversation_id)
    second = turns.open_turn(owner_id=alice.pk, chat=wish)
    assert second.request.messages[1].parts[0].text == told.parts[0].text


def test_under_instructions_of_ones_own_it_is_not_told() -> None:
    opened = turns.open_turn(
        owner_id=make_alice().pk, chat=ChatInput(message=QUESTION, system_prompt="Be brief.")
    )
    assert opened.request.messages[-1].parts[0].text == QUESTION
