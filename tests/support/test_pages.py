"""The help page, as a browser without JavaScript uses it."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from support import tickets
from support.models import Ticket
from tests.accounts.test_pages import check_page
from tests.people import make_alice, make_charlie, make_user, signed_in
from tests.support.asking import QUESTION, ask, make_answer
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_alice()


def form(**changes: str) -> dict[str, str]:
    return {**QUESTION, "key": str(uuid.uuid4()), **changes}


def test_the_help_page_is_whole_and_promises(alice: User, settings) -> None:
    settings.SUPPORT_ANSWER_HOURS = 72
    page = signed_in(alice).get("/support")

    check_page(page)
    assert "within <b>3 days</b>" in page.content.decode()


def test_priority_support_shows_its_shorter_promise() -> None:
    page = signed_in(make_user("bob@example.org", "unlimited")).get("/support").content.decode()

    assert "within <b>12 hours</b>" in page
    assert "Priority support" in page


@pytest.mark.parametrize("path", ["/support", f"/support/{uuid.uuid4()}"])
def test_a_stranger_is_asked_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"].startswith("/accounts/login/?next=/support")


def test_a_question_is_sent_and_shown_with_its_promise(alice: User) -> None:
    answer = signed_in(alice).post("/support", form(), follow=True)

    check_page(answer)
    assert answer.redirect_chain[-1][0] == f"/support/{Ticket.objects.get().id}"
    assert "It broke off." in answer.content.decode()


def test_a_form_sent_twice_opens_one_ticket(alice: User) -> None:
    client, body = signed_in(alice), form()
    places = {client.post("/support", body)["Location"] for _ in range(2)}

    assert len(places) == Ticket.objects.count() == 1


def test_a_form_that_failed_can_be_sent_again(alice: User) -> None:
    client, body = signed_in(alice), form(subject="")
    assert client.post("/support", body).status_code == 200

    client.post("/support", {**body, "subject": "Now with one"})
    assert Ticket.objects.get().subject == "Now with one"


def test_the_address_names_the_answer_and_the_request(alice: User) -> None:
    answer = make_answer(alice)
    page = signed_in(alice).get(f"/support?answer={answer.id}&request=abcdef12").content.decode()

    assert f'<option value="{answer.id}" selected>' in page
    assert 'value="abcdef12"' in page
    assert "A secret" not in page


def test_an_older_answer_is_offered_when_it_is_named(alice: User) -> None:
    answer = make_answer(alice)
    for _ in range(10):
        make_answer(alice)
    page = signed_in(alice).get(f"/support?answer={answer.id}").content.decode()

    assert f'<option value="{answer.id}" selected>' in page


@pytest.mark.parametrize("named", ["nonsense", str(uuid.uuid4())])
def test_an_address_that_names_nothing_is_only_a_help_page(alice: User, named: str) -> None:
    foreign = make_answer(make_charlie())
    for value in (named, foreign.id):
        page = signed_in(alice).get(f"/support?answer={value}").content.decode()
        assert f'value="{value}"' not in page


def test_consent_is_given_by_ticking(alice: User) -> None:
    answer, client = make_answer(alice), signed_in(alice)
    client.post("/support", form(message_id=str(answer.id)))
    client.post("/support", form(message_id=str(answer.id), may_read_answer="on"))

    assert list(Ticket.objects.order_by("id").values_list("may_read_answer", flat=True)) == [False, True]


def test_the_user_writes_back_and_ends_it(alice: User) -> None:
    ticket, client = ask(alice), signed_in(alice)
    page = client.post(f"/support/{ticket.id}", {"text": "One more thing"}, follow=True)
    assert "One more thing" in page.content.decode()

    page = client.post(f"/support/{ticket.id}/close", follow=True)
    assert "Solved" in page.content.decode()


@pytest.mark.parametrize("path", ["", "/close"])
def test_charlie_meets_nothing_of_it(alice: User, path: str) -> None:
    ticket, charlie = ask(alice), signed_in(make_charlie())

    assert charlie.post(f"/support/{ticket.id}{path}", {"text": "x"}).status_code == 404
    assert charlie.get(f"/support/{ticket.id}").status_code == 404
    assert QUESTION["subject"] not in charlie.get("/support").content.decode()
    ticket.refresh_from_db()
    assert (ticket.status, ticket.notes.count()) == ("waiting", 1)


def test_hostile_words_stay_words(alice: User) -> None:
    evil = "<img src=x onerror=alert(1)>"
    ticket = ask(alice, subject=evil, text=evil)
    client = signed_in(alice)

    for path in ("/support", f"/support/{ticket.id}"):
        assert "<img" not in client.get(path).content.decode()


def test_each_text_takes_its_own_direction(alice: User) -> None:
    ticket = ask(alice, subject="أين الجواب؟", text="انقطع الجواب.")
    page = signed_in(alice).get(f"/support/{ticket.id}").content.decode()

    assert '<h1 dir="auto">أين الجواب؟</h1>' in page
    assert '<div class="note-text" dir="auto">انقطع الجواب.</div>' in page


def test_too_many_are_told_on_the_page(alice: User) -> None:
    for _ in range(10):
        ask(alice)
    page = signed_in(alice).post("/support", form()).content.decode()

    assert "That was often in a short time" in page
    assert Ticket.objects.count() == 10


def test_the_pages_take_few_queries_however_much_there_is(alice: User, django_assert_num_queries) -> None:
    client = signed_in(alice)
    ticket = ask(alice)
    for _ in range(3):
        ask(alice)
        make_answer(alice)
        tickets.reply(ticket=ticket, text="More", via="page")

    with django_assert_num_queries(5):  # session, user, answers, plan, tickets
        client.get("/support")
    with django_assert_num_queries(4):  # session, user, ticket, notes
        client.get(f"/support/{ticket.id}")


def test_a_form_without_a_csrf_token_sends_nothing(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert browser.post("/support", form()).status_code == 403
    assert re.search("csrfmiddlewaretoken", browser.get("/support").content.decode())
