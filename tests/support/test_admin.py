"""The queue as staff see it."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client

from support import tickets
from support.models import Ticket
from tests.people import make_alice, make_user, signed_in
from tests.support.asking import ask, make_answer
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db
QUEUE = "/admin/support/ticket/"


@pytest.fixture
def alice() -> User:
    return make_alice()


@pytest.fixture
def staff() -> Client:
    return signed_in(make_user("staff@example.org", is_staff=True, is_superuser=True))


def answer(staff: Client, ticket: Ticket, text: str, **more: str):
    page = staff.get(f"{QUEUE}{ticket.id}/change/")
    last_read = page.context["adminform"].form.initial["last_read"]
    body = {"topic": "fault", "answer": text, "last_read": str(last_read), **more}
    return staff.post(f"{QUEUE}{ticket.id}/change/", body)


def test_the_queue_shows_priority_first(alice: User, staff: Client) -> None:
    ask(alice, subject="Plain matter")
    ask(make_user("bob@example.org", "enterprise"), subject="Urgent matter")
    page = staff.get(QUEUE).content.decode()

    assert page.index("Urgent matter") < page.index("Plain matter")


def test_staff_find_account_plan_and_request(alice: User, staff: Client) -> None:
    ticket = ask(alice, request_id="abcdef12")
    page = staff.get(f"{QUEUE}{ticket.id}/change/").content.decode()

    for fact in (alice.email, "Premium, active", "abcdef12", "It broke off."):
        assert fact in page


def test_the_answer_it_is_about_is_read_with_consent_only(alice: User, staff: Client) -> None:
    named = make_answer(alice)
    closed = ask(alice, message_id=named.id)
    open_ = ask(alice, message_id=named.id, may_read_answer=True)

    page = staff.get(f"{QUEUE}{closed.id}/change/").content.decode()
    assert ("A secret" in page, str(named.id) in page) == (False, True)
    page = staff.get(f"{QUEUE}{open_.id}/change/").content.decode()
    assert "A secret question" in page
    assert "A secret answer" in page


def test_staff_answer_and_the_user_reads_it(
    alice: User, staff: Client, django_capture_on_commit_callbacks
) -> None:
    ticket = ask(alice)
    with django_capture_on_commit_callbacks(execute=True):
        assert answer(staff, ticket, "It is fixed.").status_code == 302

    page = signed_in(alice).get(f"/support/{ticket.id}").content.decode()
    assert ("It is fixed." in page, "Answered" in page) == (True, True)
    assert [sent.to for sent in mail.outbox] == [[alice.email]]


def test_what_was_mailed_already_is_noted_only(
    alice: User, staff: Client, django_capture_on_commit_callbacks
) -> None:
    ticket = ask(alice)
    with django_capture_on_commit_callbacks(execute=True):
        answer(staff, ticket, "As I wrote you.", was_mailed="on")

    assert (mail.outbox, ticket.notes.filter(via="mail", from_staff=True).count()) == ([], 1)


def test_hostile_words_stay_words_for_staff_too(alice: User, staff: Client) -> None:
    evil = "<script>alert(1)</script>"
    ticket = ask(alice, subject=evil, text=evil, may_read_answer=True, message_id=make_answer(alice, evil).id)

    assert evil not in staff.get(QUEUE).content.decode()
    assert evil not in staff.get(f"{QUEUE}{ticket.id}/change/").content.decode()


def test_tickets_are_closed_from_the_list(alice: User, staff: Client) -> None:
    ticket = ask(alice)
    staff.post(QUEUE, {"action": "close", "_selected_action": [str(ticket.id)]})

    ticket.refresh_from_db()
    assert ticket.status == "closed"


def test_staff_without_the_right_see_no_ticket(alice: User) -> None:
    ticket = ask(alice)
    helper = signed_in(make_user("helper@example.org", is_staff=True))

    assert helper.get(f"{QUEUE}{ticket.id}/change/").status_code == 403
    assert signed_in(alice).get(QUEUE).status_code == 302


def test_the_queue_takes_as_many_queries_for_more_rows(
    alice: User, staff: Client, django_assert_max_num_queries
) -> None:
    for _ in range(5):
        tickets.reply(ticket=ask(alice), text="More", via="page")

    with django_assert_max_num_queries(8):
        staff.get(QUEUE)
