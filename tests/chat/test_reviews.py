"""The scholars' queue: what comes in, who may read along, what is told, and what strangers see of it: nothing."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client

from chat import checking, feedback, guidance, reviews
from chat.models import Conversation, Guidance, Message, Review
from tests.people import make_alice, make_charlie, make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

WRONG = "قال الله تعالى: ﴿إن الله مع الظالمين﴾"


def answered(owner: User, text: str = WRONG) -> Message:
    """An answer as the end of a turn leaves it."""
    conversation = Conversation.objects.create(owner=owner, title="About patience")
    question = Message.objects.create(conversation=conversation, role="user", content="My secret question")
    found = checking.find(text)
    answer = Message.objects.create(
        conversation=conversation, parent=question, role="assistant", content=text, depth=1,
        quotations=found.quotations, references=found.references,
    )  # fmt: skip
    conversation.head = answer
    conversation.save()
    reviews.open_for_check(answer)
    return answer


def scholar() -> Client:
    user = make_user("scholar@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name="Scholars"))
    return signed_in(user)


def desk(client: Client, review: Review) -> str:
    return client.get(f"/admin/chat/review/{review.pk}/change/").content.decode()


def decide(client: Client, review: Review, **fields: str) -> None:
    values = {"verdict": "corrected", "correction": "It is: مع الصابرين.", "pin_for": "", **fields}
    response = client.post(f"/admin/chat/review/{review.pk}/change/", values)
    assert response.status_code == 302, response.content


def test_a_failed_check_comes_into_the_queue_and_a_sound_one_does_not() -> None:
    alice = make_alice()
    answered(alice, "﴿إن الله مع الصابرين﴾ (2:153)")
    assert not Review.objects.exists()
    answered(alice)
    assert Review.objects.get().reason == "check"


def test_a_reader_who_says_not_correct_puts_it_there_too() -> None:
    alice = make_alice()
    answer = answered(alice, "Nothing is quoted.")
    feedback.give(owner_id=alice.pk, message_id=answer.id, rating="down", reason="style")
    assert not Review.objects.exists()
    feedback.give(owner_id=alice.pk, message_id=answer.id, rating="down", reason="incorrect")
    assert Review.objects.get().reason == "reaction"


def test_without_consent_a_scholar_sees_what_was_found_and_nothing_of_the_person() -> None:
    alice = make_alice()
    review = answered(alice).review
    page = desk(scholar(), review)
    assert "Altered" in page
    assert "My secret question" not in page
    assert "الظالمين" not in page
    assert alice.email not in page


@pytest.mark.parametrize("way", ["this answer", "all answers"])
def test_with_consent_question_and_answer_are_shown(way: str) -> None:
    alice = make_alice(allows_reviews=way == "all answers")
    answer = answered(alice)
    if way == "this answer":
        feedback.give(
            owner_id=alice.pk, message_id=answer.id, rating="down", reason="incorrect", may_be_read=True
        )
    page = desk(scholar(), answer.review)
    assert "My secret question" in page
    assert "الظالمين" in page


def test_a_correction_is_told_once_by_mail_and_on_the_page() -> None:
    alice = make_alice()
    review = answered(alice).review
    decide(scholar(), review)
    assert (reviews.tell_due(), reviews.tell_due()) == (1, 0)
    (letter,) = mail.outbox
    assert letter.to == [alice.email]
    assert "مع الصابرين" in letter.body
    assert "About patience" in letter.body  # which conversation
    page = signed_in(alice)
    assert "Read the correction" in page.get("/").content.decode()
    assert "مع الصابرين" in page.get(f"/c/{review.message.conversation_id}").content.decode()
    assert page.post(f"/corrections/{review.id}/seen").status_code == 302
    assert "Read the correction" not in page.get("/").content.decode()


def test_the_answers_document_tells_it() -> None:
    alice = make_alice()
    review = answered(alice).review
    decide(scholar(), review)
    rows = signed_in(alice).get(f"/api/v1/conversations/{review.message.conversation_id}/messages").json()
    assert rows["results"][0]["review"]["correction"] == "It is: مع الصابرين."


def test_a_pinned_correction_becomes_guidance() -> None:
    review = answered(make_alice()).review
    decide(scholar(), review, pin_for="With whom is God, does the Qur'an say?")
    assert Guidance.objects.get().review == review
    assert guidance.for_question("With whom is God, does the Qur'an say?") == "It is: مع الصابرين."
    guidance.forget()


def test_a_verdict_needs_its_words() -> None:
    client, review = scholar(), answered(make_alice()).review
    for fields in ({"verdict": ""}, {"correction": " "}, {"verdict": "right", "pin_for": "x"}):
        values = {"verdict": "corrected", "correction": "x", "pin_for": "", **fields}
        assert client.post(f"/admin/chat/review/{review.pk}/change/", values).status_code == 200
    review.refresh_from_db()
    assert review.verdict == ""


def test_scholars_reach_their_desk_alone() -> None:
    client = scholar()
    assert client.get("/admin/chat/review/").status_code == 200
    assert client.get("/admin/chat/guidance/").status_code == 200
    assert client.get("/admin/accounts/user/").status_code == 403
    assert client.get("/admin/billing/ledgerentry/").status_code == 403


def test_what_is_thrown_away_leaves_the_queue() -> None:
    review = answered(make_alice()).review
    assert reviews.queue().count() == 1
    Conversation.objects.update(deleted_at=review.opened_at)
    assert reviews.queue().count() == 0


def test_strangers_meet_nothing() -> None:
    answer = answered(make_alice())
    decide(scholar(), answer.review)
    charlie = signed_in(make_charlie())
    assert charlie.get(f"/m/{answer.id}/checked").status_code == 404
    assert charlie.post(f"/corrections/{answer.review.id}/seen").status_code == 404
    assert charlie.get(f"/m/{uuid.uuid4()}/checked").status_code == 404
    assert Client().get(f"/m/{answer.id}/checked").status_code == 302
    assert "Read the correction" not in charlie.get("/").content.decode()


def test_the_list_takes_few_queries(django_assert_max_num_queries) -> None:
    alice, client = make_alice(), scholar()
    for _ in range(3):
        answered(alice)
    client.get("/admin/chat/review/")
    with django_assert_max_num_queries(12):
        assert client.get("/admin/chat/review/").content.decode().count("Altered") >= 3
