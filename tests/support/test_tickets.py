"""Opening, replying, answering, closing: promises, order, consent and mails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from billing import plans
from billing.models import PlanLimit
from support import tickets
from support.models import Ticket
from tests.people import make_alice, make_charlie, make_user
from tests.support.asking import ask, make_answer
from wisqu.accounts import erasure, exports
from wisqu.accounts.models import User
from wisqu.accounts.throttle import TooManyTries
from wisqu.api.problems import NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_alice()


@pytest.fixture
def staff() -> User:
    return make_user("staff@example.org", is_staff=True, is_superuser=True)


def hours_promised(ticket: Ticket) -> int:
    return round((ticket.due_at - ticket.created_at) / timedelta(hours=1))


def test_the_plan_decides_what_is_promised(alice: User, settings) -> None:
    settings.SUPPORT_ANSWER_HOURS, settings.SUPPORT_PRIORITY_ANSWER_HOURS = 50, 5
    plain = ask(alice)
    urgent = ask(make_user("bob@example.org", "unlimited"))

    assert (hours_promised(plain), plain.is_priority) == (50, False)
    assert (hours_promised(urgent), urgent.is_priority) == (5, True)


def test_priority_goes_first_and_the_answered_last(alice: User, staff: User) -> None:
    answered, plain = ask(alice), ask(alice)
    enterprise = ask(make_user("bob@example.org", "enterprise"))
    unlimited = ask(make_user("dana@example.org", "unlimited"))
    tickets.answer(ticket=answered, staff=staff, text="Done.", via="admin")

    assert list(Ticket.objects.queue()) == [enterprise, unlimited, plain, answered]


def test_writing_again_waits_again_under_the_plan_of_now(alice: User, staff: User) -> None:
    ticket = ask(alice)
    tickets.answer(ticket=ticket, staff=staff, text="Done.", via="admin")
    plans.put_on(user_id=alice.pk, plan=PlanLimit.objects.get(slug="unlimited"))
    tickets.reply(ticket=ticket, text="Not yet.", via="page")

    ticket.refresh_from_db()
    assert (ticket.status, ticket.plan, ticket.is_priority) == ("waiting", "unlimited", True)


def test_adding_to_a_waiting_ticket_moves_no_promise(alice: User) -> None:
    ticket = ask(alice)
    tickets.reply(ticket=ticket, text="And another thing.", via="page")

    assert Ticket.objects.get().due_at == ticket.due_at


def test_an_answer_that_the_user_has_outrun_leaves_the_ticket_waiting(alice: User, staff: User) -> None:
    ticket = ask(alice)
    read = ticket.notes.get().id
    tickets.reply(ticket=ticket, text="Wait!", via="page")
    tickets.answer(ticket=ticket, staff=staff, text="Done.", via="admin", last_read=read)

    ticket.refresh_from_db()
    assert (ticket.status, ticket.notes.count()) == ("waiting", 3)


def test_a_closed_ticket_opens_by_writing(alice: User) -> None:
    ticket = ask(alice)
    tickets.close(ticket=ticket)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.closed_at is not None) == ("closed", True)

    tickets.reply(ticket=ticket, text="Still broken.", via="page")
    ticket.refresh_from_db()
    assert (ticket.status, ticket.closed_at) == ("waiting", None)


def test_only_an_own_answer_can_be_named(alice: User) -> None:
    foreign = make_answer(make_charlie())

    with pytest.raises(NotFound):
        ask(alice, message_id=foreign.id)
    assert not Ticket.objects.exists()


def test_a_question_is_no_answer_to_name(alice: User) -> None:
    with pytest.raises(NotFound):
        ask(alice, message_id=make_answer(alice).parent_id)


def test_consent_without_an_answer_is_none(alice: User) -> None:
    assert ask(alice, may_read_answer=True).may_read_answer is False


def test_a_deleted_answer_is_gone_from_its_ticket_too(alice: User) -> None:
    answer = make_answer(alice)
    ticket = ask(alice, message_id=answer.id, may_read_answer=True)
    answer.conversation.delete()

    ticket.refresh_from_db()
    assert ticket.message is None


def test_ten_tickets_an_hour_are_enough(alice: User) -> None:
    for _ in range(10):
        ask(alice)

    with pytest.raises(TooManyTries):
        ask(alice)
    assert ask(make_charlie())


def test_staff_get_a_mail_with_what_answering_takes(
    alice: User, settings, django_capture_on_commit_callbacks
) -> None:
    settings.SUPPORT_EMAIL = "help@example.org"
    with django_capture_on_commit_callbacks(execute=True):
        ticket = ask(alice, request_id="0192-abcd", message_id=make_answer(alice).id)
    (sent,) = mail.outbox

    assert (sent.to, sent.subject) == (["help@example.org"], f"[{ticket.reference}] Where is my answer?")
    for fact in ("It broke off.", alice.email, "premium", "0192-abcd", str(ticket.message_id)):
        assert fact in sent.body
    assert "A secret" not in sent.body


def test_without_an_address_no_mail_goes_to_staff(alice: User, django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ask(alice)

    assert mail.outbox == []


def test_the_user_gets_the_answer_by_mail(
    alice: User, staff: User, django_capture_on_commit_callbacks
) -> None:
    ticket = ask(alice)
    with django_capture_on_commit_callbacks(execute=True):
        tickets.answer(ticket=ticket, staff=staff, text="It is fixed.", via="admin")

    (sent,) = mail.outbox
    assert (sent.to, "It is fixed." in sent.body, staff.email in sent.body) == ([alice.email], True, False)


def test_a_subject_forges_no_headers(alice: User, settings, django_capture_on_commit_callbacks) -> None:
    settings.SUPPORT_EMAIL = "help@example.org"
    with django_capture_on_commit_callbacks(execute=True):
        ask(alice, subject="Hello\nBcc: everybody@example.org")

    (sent,) = mail.outbox
    assert sent.message()["Bcc"] is None


def test_tickets_are_taken_along_and_erased_with_the_account(alice: User, staff: User) -> None:
    ticket = ask(alice)
    tickets.answer(ticket=ticket, staff=staff, text="Done.", via="admin")
    (part,) = exports.export(alice)["support"]
    assert [note["text"] for note in part["notes"]] == ["It broke off.", "Done."]
    assert staff.email not in str(part)

    erasure.erase(alice)
    assert not Ticket.objects.exists()


def test_an_answer_outlives_the_account_of_who_gave_it(alice: User, staff: User) -> None:
    ticket = ask(alice)
    tickets.answer(ticket=ticket, staff=staff, text="Done.", via="admin")
    erasure.erase(staff)

    assert ticket.notes.filter(from_staff=True, author=None).exists()


def test_a_broken_promise_is_seen(alice: User) -> None:
    ticket = ask(alice)
    assert not ticket.is_overdue
    ticket.due_at = timezone.now() - timedelta(seconds=1)
    assert ticket.is_overdue
