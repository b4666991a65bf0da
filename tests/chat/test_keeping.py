"""Folders, the archive, throwing away and taking back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import keeping
from chat.models import Conversation, Folder, Message, Turn
from tests.chat.test_conversations import Rest, make_conversations, make_messages
from tests.people import make_alice, make_charlie
from wisqu.accounts import exports

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Rest:
    return Rest(make_alice())


def test_what_is_older_than_the_site_keeps_goes_with_all_that_hangs_on_it(alice: Rest, settings) -> None:
    old, young = make_conversations(alice.user, 2)
    for each in (old, young):
        make_messages(each, 2)
    Conversation.objects.filter(id=old.id).update(last_message_at=timezone.now() - timedelta(days=31))
    assert keeping.let_go_of_old() == 0
    settings.RETENTION_DAYS = 30
    assert keeping.let_go_of_old() == 1
    assert list(Conversation.objects.all()) == [young]
    assert set(Message.objects.values_list("conversation_id", flat=True)) == {young.id}


def titles(rest: Rest, query: str = "") -> set[str]:
    return {row["title"] for row in rest.call("get", f"/conversations{query}").json()["results"]}


def test_a_folder_is_made_renamed_filled_and_deleted(alice: Rest) -> None:
    folder = alice.call("post", "/folders", {"name": "Fiqh"}).json()
    (conversation, _) = make_conversations(alice.user, 2)
    alice.call("patch", f"/conversations/{conversation.id}", {"folder_id": folder["id"]})
    assert titles(alice, f"?folder={folder['id']}") == {"Talk 0"}
    renamed = alice.call("patch", f"/folders/{folder['id']}", {"name": "Law"}).json()
    assert (renamed["name"], renamed["conversations"]) == ("Law", 1)
    assert alice.call("delete", f"/folders/{folder['id']}").status_code == 204
    assert titles(alice) == {"Talk 0", "Talk 1"}


def test_two_folders_of_one_name_are_refused(alice: Rest) -> None:
    alice.call("post", "/folders", {"name": "Fiqh"})
    response = alice.call("post", "/folders", {"name": "Fiqh"})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "taken")


def test_charlie_meets_no_folder_of_alices(alice: Rest) -> None:
    folder = alice.call("post", "/folders", {"name": "Fiqh"}).json()
    charlie = Rest(make_charlie())
    (own,) = make_conversations(charlie.user, 1)
    path = f"/folders/{folder['id']}"
    tries = [charlie.call("get", path), charlie.call("patch", path, {"name": "x"}), charlie.call("delete", path),
             charlie.call("patch", f"/conversations/{own.id}", {"folder_id": folder["id"]})]  # fmt: skip
    assert [answer.status_code for answer in tries] == [404] * 4
    assert charlie.call("get", "/folders").json()["results"] == []


def test_a_page_of_folders_costs_the_same_queries_however_long_it_is(alice: Rest) -> None:
    counts = []
    for more in (1, 20):
        Folder.objects.bulk_create(Folder(owner=alice.user, name=f"{more} {n}") for n in range(more))
        with CaptureQueriesContext(connection) as queries:
            alice.call("get", "/folders?limit=100")
        counts.append(len(queries))
    assert counts == [2, 2]


def test_the_archive_is_a_list_of_its_own(alice: Rest) -> None:
    (away, _) = make_conversations(alice.user, 2)
    alice.call("patch", f"/conversations/{away.id}", {"archived": True})
    assert titles(alice, "?archived=true") == {"Talk 0"}
    assert titles(alice, "?archived=false") == {"Talk 1"}
    assert alice.call("get", "/conversations?archived=perhaps").status_code == 422


def test_many_are_thrown_away_at_once_and_taken_back(alice: Rest) -> None:
    ids = [str(each.id) for each in make_conversations(alice.user, 3)]
    gone = alice.call("post", "/conversations/trash", {"ids": ids[:2]}).json()["ids"]
    assert sorted(gone) == sorted(ids[:2])
    assert titles(alice) == {"Talk 2"}
    assert alice.call("get", f"/conversations/{ids[0]}").status_code == 404
    assert exports.export(alice.user)["conversations"][0]["title"] == "Talk 2"
    alice.call("post", "/conversations/restore", {"ids": ids})
    assert titles(alice) == {"Talk 0", "Talk 1", "Talk 2"}


def test_charlie_can_neither_throw_away_nor_take_back(alice: Rest) -> None:
    (conversation,) = make_conversations(alice.user, 1)
    charlie, ids = Rest(make_charlie()), [str(conversation.id)]
    assert charlie.call("post", "/conversations/trash", {"ids": ids}).json()["ids"] == []
    keeping.throw_away(owner_id=alice.user.pk, conversation_ids=[conversation.id])
    assert charlie.call("post", "/conversations/restore", {"ids": ids}).json()["ids"] == []


def test_after_a_while_it_is_gone_for_good(alice: Rest) -> None:
    kept, thrown = make_conversations(alice.user, 2)
    keeping.throw_away(owner_id=alice.user.pk, conversation_ids=[thrown.id])
    assert keeping.clear_out() == 0
    Conversation.objects.filter(id=thrown.id).update(deleted_at=timezone.now() - keeping.UNDO_FOR)
    assert keeping.take_back(owner_id=alice.user.pk, conversation_ids=[thrown.id]) == []
    assert keeping.clear_out() == 1
    assert list(Conversation.objects.all()) == [kept]


def test_a_running_turn_is_told_to_stop(alice: Rest) -> None:
    (conversation,) = make_conversations(alice.user, 1)
    make_messages(conversation, 2)
    question, answer = conversation.messages.order_by("depth")
    turn = Turn.objects.create(owner=alice.user, conversation=conversation, question=question, answer=answer)
    keeping.throw_away(owner_id=alice.user.pk, conversation_ids=[conversation.id])
    turn.refresh_from_db()
    assert turn.stop_requested_at is not None


def test_a_temporary_conversation_is_in_no_list_and_goes_by_itself(alice: Rest) -> None:
    (conversation,) = make_conversations(alice.user, 1)
    Conversation.objects.update(is_temporary=True)
    assert titles(alice) == set()
    assert alice.call("get", f"/conversations/{conversation.id}").json()["temporary"] is True
    assert exports.export(alice.user)["conversations"] == []
    Conversation.objects.update(last_message_at=timezone.now() - keeping.TEMPORARY_FOR - timedelta(minutes=1))
    assert keeping.clear_out() == 1
