"""Several statements in one exchange with the database: nothing changes but how often its answer is waited for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing.models import Subscription
from chat.inputs import ChatInput
from chat.models import Conversation
from chat.turns import open_turn
from tests.people import make_user
from wisqu.accounts.models import User
from wisqu.api import rows

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
