"""What people write stays theirs: no page of the console shows it, and opening one conversation leaves a trace."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib import admin
from django.utils import timezone

from chat.models import Feedback
from console.models import AuditEntry
from tests.console.staff import SECRET, answered, boss, desk_of, member, shown
from tests.people import make_alice, make_charlie, signed_in

pytestmark = pytest.mark.django_db
REASON = "The person asked us to look at it, ticket 12"


def pages(answer) -> list[str]:
    person = answer.conversation.owner
    tables = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    feedback = f"/admin/chat/feedback/{answer.feedback.pk}/change/"
    found = [f"/admin/find/?q={each}" for each in (answer.pk, answer.conversation_id, person.email)]
    return ["/admin/", desk_of(person), f"/admin/answers/{answer.pk}/", feedback, *found, *tables]


def test_no_page_shows_what_was_written() -> None:
    answer, desk = answered(make_alice()), boss()
    Feedback.objects.create(message=answer, rating="down")
    for address in pages(answer):
        assert SECRET not in shown(desk.get(address, follow=True)), address


def test_a_conversation_opens_with_a_reason_which_is_kept() -> None:
    answer, desk = answered(make_alice()), boss()
    page = desk.post(f"/admin/conversations/{answer.conversation_id}/", {"why": REASON}, follow=True)
    assert SECRET in shown(page)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.why, entry.person_id) == (
        "conversation_opened",
        REASON,
        answer.conversation.owner_id,
    )
    assert entry.object_id == str(answer.conversation_id)


@pytest.mark.parametrize("why", ["", "because", " " * 20])
def test_without_a_reason_it_stays_closed(why) -> None:
    answer = answered(make_alice())
    page = boss().post(f"/admin/conversations/{answer.conversation_id}/", {"why": why}, follow=True)
    assert SECRET not in shown(page)
    assert not AuditEntry.objects.exists()


def test_it_closes_again_after_a_quarter_of_an_hour() -> None:
    answer, desk = answered(make_alice()), boss()
    page = desk.post(f"/admin/conversations/{answer.conversation_id}/", {"why": REASON})
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert SECRET not in shown(desk.get(page["Location"], follow=True))


def test_what_one_opened_is_not_open_to_another() -> None:
    answer, desk = answered(make_alice()), boss()
    page = desk.post(f"/admin/conversations/{answer.conversation_id}/", {"why": REASON})
    assert member("admin").get(page["Location"]).status_code == 404


@pytest.mark.parametrize("role", ["support", "finance"])
def test_these_roles_open_nothing(role) -> None:
    answer, desk = answered(make_alice()), member(role)
    address = f"/admin/conversations/{answer.conversation_id}/"
    assert desk.get(address).status_code == desk.post(address, {"why": REASON}).status_code == 403
    assert "Open the conversation" not in shown(desk.get(f"/admin/answers/{answer.pk}/"))


def test_a_stranger_is_sent_to_the_door() -> None:
    answer, charlie = answered(make_alice()), signed_in(make_charlie())
    for address in (
        f"/admin/answers/{answer.pk}/",
        f"/admin/conversations/{answer.conversation_id}/",
        "/admin/find/?q=a",
    ):
        assert charlie.get(address).status_code == 302
