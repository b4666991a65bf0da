"""Titles as jobs: made once, booked, tried again, never in the place of somebody's own."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import OperationalError
from django.utils import timezone

from billing.models import LedgerEntry
from billing.plans import usage
from chat import owed, titlejobs, titlewatch
from chat.models import Conversation, Message, OwedGeneration, TitleJob
from tests.live import Sandbox
from tests.people import make_alice
from wisqu.accounts.models import User
from wisqu.api import jobs, threads
from wisqu.openrouter.types import Usage

pytestmark = pytest.mark.django_db


def converse(owner: User, question: str = "What is the nisab of gold today?", **fields) -> Conversation:
    """Store a conversation with one exchange, under its first words."""
    conversation = Conversation.objects.create(owner=owner, **{"title": question[:60], **fields})
    asked = Message.objects.create(conversation=conversation, role="user", content=question)
    answer = Message.objects.create(
        conversation=conversation, role="assistant", content="85 g.", parent=asked, depth=1
    )
    conversation.head = answer
    conversation.save()
    return conversation


def wanted(conversation: Conversation) -> TitleJob:
    """Have a title made as the end of the first turn does."""
    titlejobs.want(conversation.head)
    return TitleJob.objects.get(conversation=conversation)


def title_of(conversation: Conversation) -> str:
    return Conversation.objects.values_list("title", flat=True).get(id=conversation.id)


@pytest.fixture
def alice() -> User:
    return make_alice()


def test_a_title_is_made_and_booked_but_counts_as_no_message(alice: User, sandbox: Sandbox) -> None:
    conversation = converse(alice)

    assert titlejobs.run(wanted(conversation).id)

    assert title_of(conversation) == "What is the nisab of gold"  # the sandbox's title: the first six words
    entry = LedgerEntry.objects.get(kind="title")
    assert (entry.reference, entry.messages, entry.tokens) == (conversation.id, 0, 0)
    assert entry.cost_usd
    upstream = [each for each in sandbox.ledger() if each["id"] == entry.generation_id]
    assert [Decimal(str(each["cost"])) for each in upstream] == [entry.cost_usd]
    spent = usage(alice.pk)
    assert (spent["messages"]["used"], spent["tokens"]["used"]) == (0, 0)
    assert spent["total_cost_usd"] == entry.cost_usd


def test_a_worker_that_dies_over_a_title_leaves_its_cost_to_be_asked(alice: User, monkeypatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    conversation = converse(alice)
    monkeypatch.setattr(titlejobs, "_finish", die)
    with pytest.raises(KeyboardInterrupt):
        titlejobs.run(wanted(conversation).id)
    row = OwedGeneration.objects.get()
    owed._pay(row, Usage(9, 3, 0, 12, cost_usd=Decimal("0.5")), None)
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.reference, entry.cost_usd) == ("title", conversation.id, Decimal("0.5"))


def test_a_title_that_is_booked_is_owed_no_more_though_the_database_was_away(
    alice: User, monkeypatch
) -> None:
    finish, tries = titlejobs._finish, []

    def away(*facts: object) -> bool:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError
        return finish(*facts)

    monkeypatch.setattr(threads, "AGAIN_AFTER_S", (0.01,))
    monkeypatch.setattr(titlejobs, "_finish", away)
    assert titlejobs.run(wanted(converse(alice)).id)
    assert (LedgerEntry.objects.count(), OwedGeneration.objects.count()) == (1, 0)


def test_a_job_that_comes_twice_asks_once(alice: User) -> None:
    job = wanted(converse(alice))

    assert [titlejobs.run(job.id), titlejobs.run(job.id)] == [True, False]
    assert LedgerEntry.objects.filter(kind="title").count() == 1


def test_a_job_that_somebody_is_doing_is_left_to_them_until_they_are_dead(alice: User) -> None:
    job = wanted(converse(alice))
    assert titlejobs._claim(job.id)
    assert not titlejobs.run(job.id)

    TitleJob.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert titlejobs.run(job.id)


def test_a_title_of_ones_own_is_not_even_asked_for(alice: User) -> None:
    conversation = converse(alice, title="Mine", own_title_at=timezone.now())

    titlejobs.run(wanted(conversation).id)

    assert title_of(conversation) == "Mine"
    assert not LedgerEntry.objects.exists()
    assert TitleJob.objects.get().status == "done"


def test_a_title_written_while_the_job_runs_stays(alice: User, monkeypatch) -> None:
    conversation = converse(alice)
    ask = titlejobs._ask

    async def ask_slowly(wish, expect):
        reply = await ask(wish, expect)
        await Conversation.objects.filter(id=conversation.id).aupdate(
            title="Mine", own_title_at=timezone.now()
        )
        return reply

    monkeypatch.setattr(titlejobs, "_ask", ask_slowly)
    titlejobs.run(wanted(conversation).id)

    assert title_of(conversation) == "Mine"
    assert LedgerEntry.objects.filter(kind="title").count() == 1  # asked is paid


def test_a_title_asked_for_takes_the_place_of_ones_own_but_not_of_a_later_one(alice: User) -> None:
    conversation = converse(alice, title="Mine", own_title_at=timezone.now())
    job = titlejobs.request(owner_id=alice.pk, conversation_id=conversation.id)
    assert titlejobs.run(job.id)
    assert title_of(conversation) == "What is the nisab of gold"

    job = titlejobs.request(owner_id=alice.pk, conversation_id=conversation.id)
    Conversation.objects.update(title="Later", own_title_at=timezone.now())
    titlejobs.run(job.id)
    assert title_of(conversation) == "Later"


def test_asking_while_a_job_is_open_joins_it(alice: User) -> None:
    conversation = converse(alice, title="Mine", own_title_at=timezone.now())
    automatic = wanted(conversation)

    joined = titlejobs.request(owner_id=alice.pk, conversation_id=conversation.id)

    assert joined.id == automatic.id
    assert titlejobs.run(joined.id)
    assert title_of(conversation) != "Mine"


def test_who_asks_in_the_moment_in_which_a_job_finds_nothing_to_do_gets_a_title(alice: User) -> None:
    conversation = converse(alice, title="Mine", own_title_at=timezone.now())
    job = titlejobs._claim(wanted(conversation).id)
    assert job

    titlejobs.request(owner_id=alice.pk, conversation_id=conversation.id)

    assert titlejobs._is_wanted(job)
    assert TitleJob.objects.get().status == "running"


def test_a_conversation_is_named_by_itself_only_once(alice: User) -> None:
    conversation = converse(alice)
    titlejobs.run(wanted(conversation).id)
    titlejobs.want(conversation.head)  # the first answer was written again

    again = TitleJob.objects.get(status="queued")
    assert not titlejobs.run(again.id)
    assert LedgerEntry.objects.filter(kind="title").count() == 1


@pytest.mark.parametrize("depth", [0, 3])
def test_only_the_first_exchange_asks_for_a_title(alice: User, depth: int) -> None:
    conversation = converse(alice)
    conversation.head.depth = depth

    titlejobs.want(conversation.head)

    assert not TitleJob.objects.exists()


def test_a_failure_is_tried_again_later_and_later_and_then_given_up_quietly(alice: User) -> None:
    job = wanted(converse(alice, "[[title-fault:500]] What is zakat?"))
    pauses = []
    for _ in range(titlejobs.MOST_TRIES):
        TitleJob.objects.update(due_at=timezone.now())
        assert not titlejobs.run(job.id)
        job.refresh_from_db()
        pauses.append((job.due_at - timezone.now()).total_seconds())

    assert job.status == "failed"
    assert pauses[0] > 7
    assert all(later > 2 * sooner for sooner, later in pairwise(pauses[:4]))


def test_a_retried_job_waits_for_its_time(alice: User, monkeypatch) -> None:
    job = wanted(converse(alice))
    sent = []
    monkeypatch.setattr(jobs, "send", lambda *arguments: sent.append(arguments) or True)

    TitleJob.objects.update(due_at=timezone.now() + timedelta(minutes=1))
    assert (titlejobs.send_due(), titlejobs.run(job.id)) == (0, False)
    TitleJob.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert titlejobs.send_due() == 1
    assert sent == [("chat.tasks.make_title", str(job.id))]


def test_a_deleted_conversation_takes_its_job_along(alice: User) -> None:
    conversation = converse(alice)
    job = wanted(conversation)
    conversation.delete()

    assert not titlejobs.run(job.id)


def test_an_erased_account_leaves_what_the_title_cost(alice: User, monkeypatch) -> None:
    job = wanted(converse(alice))
    ask = titlejobs._ask

    async def ask_and_erase(wish, expect):
        reply = await ask(wish, expect)
        await User.objects.all().adelete()
        return reply

    monkeypatch.setattr(titlejobs, "_ask", ask_and_erase)
    titlejobs.run(job.id)

    assert LedgerEntry.objects.get(kind="title").cost_usd


def test_waiting_pages_are_told_of_titles_that_are_made_and_not_of_others(alice: User) -> None:
    made, failed, open_ = (converse(alice, f"What about the question number {n}?") for n in range(3))
    titlejobs.run(wanted(made).id)
    wanted(failed)
    TitleJob.objects.filter(conversation=failed).update(status="failed")
    wanted(open_)

    found = titlewatch.find_ended([made.id, failed.id, open_.id, uuid.uuid4()])

    assert found == {made.id: "What about the question number 0", failed.id: ""}


def test_the_language_is_that_of_the_question(alice: User) -> None:
    conversation = converse(alice, "ما هو نصاب الذهب في زكاة المال اليوم؟")

    titlejobs.run(wanted(conversation).id)

    assert title_of(conversation) == "ما هو نصاب الذهب في زكاة"
