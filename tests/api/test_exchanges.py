"""Several statements in one exchange with the database: nothing changes but how often its answer is waited for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing.models import LedgerEntry, MonthlyUsageQuota, Reservation, Subscription
from chat.closing import Outcome, close_turn
from chat.inputs import ChatInput
from chat.models import Conversation, Message, Turn, TurnAttempt
from chat.turns import OpenTurn, open_turn
from tests.people import make_user
from wisqu.accounts.models import User
from wisqu.api import rows
from wisqu.openrouter.types import Usage

pytestmark = pytest.mark.django_db(transaction=True)


def exchanges_of(action: Callable[[], object], folder: Path) -> int:
    """Return how often the server was asked, as libpq's own trace has it."""
    connection.ensure_connection()
    trace = folder / "trace"
    with trace.open("wb") as file:
        connection.connection.pgconn.trace(os.dup(file.fileno()))
        action()
        connection.connection.pgconn.untrace()
    return trace.read_bytes().count(b"\tQuery\t")


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite answers at once")
def test_a_question_is_opened_in_five_exchanges(tmp_path: Path) -> None:
    user = make_user()
    open_turn(owner_id=user.id, chat=ChatInput(message="The first one of the month"))
    assert exchanges_of(lambda: open_turn(owner_id=user.id, chat=ChatInput(message="Hello")), tmp_path) == 5


def ended(opened: OpenTurn) -> Message | None:
    usage = Usage(prompt_tokens=20, completion_tokens=4, reasoning_tokens=0, total_tokens=24)
    outcome = Outcome(status=Turn.Status.DONE, content="100 %; 'yes'", generation_id="gen-1", usage=usage)
    return close_turn(turn_id=opened.turn_id, answer=opened.answer, outcome=outcome)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite answers at once")
def test_an_answer_is_stored_and_settled_in_six_exchanges(tmp_path: Path) -> None:
    opened = open_turn(owner_id=make_user().id, chat=ChatInput(message="Hello"))
    assert exchanges_of(lambda: ended(opened), tmp_path) == 6
    assert Message.objects.get(id=opened.answer.id).content == "100 %; 'yes'"


def test_an_end_that_the_database_refuses_half_way_has_changed_nothing() -> None:
    opened = open_turn(owner_id=make_user().id, chat=ChatInput(message="Hello"))
    in_the_way = TurnAttempt.objects.create(turn_id=opened.turn_id, owner_id=opened.owner_id, is_last=True)
    with pytest.raises(IntegrityError):
        ended(opened)
    held = MonthlyUsageQuota.objects.get()
    assert (held.held_messages, held.used_messages, Reservation.objects.get().state) == (1, 0, "held")
    assert Turn.objects.get().status == "running"
    assert not LedgerEntry.objects.exists()
    in_the_way.delete()
    assert ended(opened) is not None
    assert LedgerEntry.objects.get().tokens == MonthlyUsageQuota.objects.get().used_tokens == 24


@pytest.mark.parametrize(("title", "is_there"), [("Old", True), ("Other", False)])
def test_a_change_before_what_is_foreseen_is_seen_by_it(title: str, is_there: bool) -> None:
    conversation = Conversation(owner=make_user(), title="Old")
    write(conversation)
    change = rows.Change(Conversation, {"title": "New"}, where={"id": conversation.id, "title": title})
    with rows.foreseeing(rows.look(Conversation, id=conversation.id), after=change) as was_there:
        found = rows.find(Conversation, id=conversation.id)
    assert was_there == is_there
    assert found is not None
    assert found.title == ("New" if is_there else "Old")


def test_what_is_asked_beforehand_is_not_asked_again() -> None:
    user = make_user()
    looks = [rows.look(User, id=user.id), rows.look(Subscription, related="plan", user_id=user.id)]
    with CaptureQueriesContext(connection) as asked, rows.foreseeing(*looks):
        found = rows.find(Subscription, related="plan", user_id=user.id)
        assert rows.find(User, id=user.id) == user
    assert found is not None
    assert found.plan.slug == "free"
    assert len(asked) == (1 if connection.vendor == "postgresql" else 2)


def test_the_second_look_sees_what_was_changed_since_the_first() -> None:
    user = make_user()
    with rows.foreseeing(rows.look(User, id=user.id)):
        rows.find(User, id=user.id)
        rows.change(User, {"name": "Amina"}, where={"id": user.id})
        again = rows.find(User, id=user.id)
    assert again is not None
    assert again.name == "Amina"


def test_what_was_foreseen_is_forgotten_after_its_block() -> None:
    user = make_user()
    with rows.foreseeing(rows.look(User, id=user.id)):
        pass
    rows.change(User, {"name": "Amina"}, where={"id": user.id})
    found = rows.find(User, id=user.id)
    assert found is not None
    assert found.name == "Amina"


def test_what_is_missing_is_not_found_either_way() -> None:
    user = make_user()
    user.delete()
    with rows.foreseeing(rows.look(User, id=user.id)):
        assert rows.find(User, id=user.id) is None


@transaction.atomic
def write(*conversations: Conversation, failing: Exception | None = None) -> None:
    """Insert each on its own, sent together."""
    with rows.together():
        for each in conversations:
            rows.insert(each)
        if failing:
            raise failing


def test_an_error_among_what_is_written_together_undoes_all_of_it_and_spares_the_connection() -> None:
    first, second, third = (
        Conversation(owner=make_user(f"{title}@example.org"), title=title) for title in "ABC"
    )
    write(first)
    with pytest.raises(IntegrityError):
        write(second, first, third)
    assert [each.title for each in Conversation.objects.all()] == ["A"]


def test_nothing_is_written_where_an_exception_leaves_the_block() -> None:
    with pytest.raises(RuntimeError):
        write(Conversation(owner=make_user(), title="Never"), failing=RuntimeError())
    assert not Conversation.objects.exists()


def test_what_was_written_together_reads_back_as_it_was() -> None:
    user = make_user()
    written = [Conversation(owner=user, title=title) for title in ("100 %; 'one'", "%s; two", "ثلاثة")]
    write(*written)
    assert {each.title for each in Conversation.objects.all()} == {each.title for each in written}
