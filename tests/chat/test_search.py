"""Search: what is found, in which order, for whom, and that nothing stays of what is deleted."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import branches, keeping, search
from chat.models import Conversation, Message, SearchEntry
from tests.chat.test_conversations import Rest
from tests.people import make_alice, make_charlie
from wisqu.accounts.erasure import erase
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return make_alice()


def talk(owner: User, *texts: str, title: str = "", minute: int = 0) -> Conversation:
    """A conversation of these messages, all of them findable."""
    conversation = Conversation.objects.create(owner=owner, title=title, created_at=NOON)
    parent = None
    for number, text in enumerate(texts):
        role = Message.Role.ASSISTANT if number % 2 else Message.Role.USER
        moment = NOON + timedelta(minutes=minute, seconds=number)
        parent = Message.objects.create(
            conversation=conversation, parent=parent, role=role, content=text, depth=number, created_at=moment
        )
        search.remember(owner.pk, parent)
    conversation.head = parent
    conversation.save()
    search.remember_title(conversation)
    return conversation


def found(owner: User, query: str) -> list[uuid.UUID]:
    return [each.conversation.id for each in search.search(owner.pk, query).found]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("الصَّلَاةُ عمادُ الدين", "صلاة"),
        ("صلاة الفجر", "الصلاة"),
        ("والزكاة ركن", "الزكاه"),
        ("این کتاب‌های فارسی", "كتاب فارسي"),
        ("Ramazan'da İFTAR", "iftar ramaz"),
        ("Café at noon", "cafe NOON"),
        ("see 3:14", "14"),
    ],
)
def test_spelling_does_not_matter(alice: User, text: str, query: str) -> None:
    conversation = talk(alice, text)
    assert found(alice, query) == [conversation.id]


def test_every_word_has_to_be_in_one_message(alice: User) -> None:
    talk(alice, "apples", "pears")
    both = talk(alice, "apples and pears")
    assert found(alice, "apples pears") == [both.id]


@pytest.mark.parametrize(
    "query", ['"', "' OR 1=1", "a* NOT b", "owner_id : x", "(((", "!&|<->", "\\", "😀", ""]
)
def test_no_query_is_an_instruction(alice: User, query: str) -> None:
    talk(alice, "apples")
    assert found(alice, query) == []


def test_titles_come_first_then_the_newest_messages(alice: User) -> None:
    old = talk(alice, "about bees", minute=1)
    new = talk(alice, "about bees", minute=2)
    named = talk(alice, "something else", title="Bees", minute=0)
    assert found(alice, "bees") == [named.id, new.id, old.id]


def test_a_message_is_told_with_its_place_and_what_was_looked_for(alice: User) -> None:
    conversation = talk(alice, "before " * 40 + "the Zakāt of gold" + " after" * 40)
    (match,) = search.search(alice.pk, "zakat").found[0].matches
    assert match.message_id == conversation.head_id
    assert [match.text[begin:end] for begin, end in match.marks] == ["Zakāt"]
    assert len(match.text) <= search.EXCERPT + 2


def test_pages_hold_every_conversation_once(alice: User) -> None:
    made = [
        talk(alice, "bees", "bees", "bees", title="bees" if n % 3 == 0 else "", minute=n) for n in range(14)
    ]
    seen: list[uuid.UUID] = []
    after = None
    while True:
        page = search.search(alice.pk, "bees", after=after, limit=3)
        seen += [each.conversation.id for each in page.found]
        after = page.next
        if after is None:
            break
    assert len(seen) == len(set(seen)) == len(made)


def test_nobody_finds_what_others_wrote(alice: User) -> None:
    talk(alice, "secret bees", title="secret")
    assert found(make_charlie(), "secret") == []


def test_a_new_title_takes_the_place_of_the_old(alice: User) -> None:
    conversation = talk(alice, "x", title="Wasps")
    conversation.title = "Bees"
    search.remember_title(conversation)
    assert (found(alice, "wasps"), found(alice, "bees")) == ([], [conversation.id])


def test_what_is_thrown_away_is_not_found_and_comes_back_with_the_undo(alice: User) -> None:
    conversation = talk(alice, "bees")
    keeping.throw_away(owner_id=alice.pk, conversation_ids=[conversation.id])
    assert found(alice, "bees") == []
    keeping.take_back(owner_id=alice.pk, conversation_ids=[conversation.id])
    assert found(alice, "bees") == [conversation.id]


def index_rows() -> int:
    with connection.cursor() as cursor:
        table = "chat_searchwords_idx" if connection.vendor == "sqlite" else "chat_searchentry"
        if connection.vendor == "sqlite":
            cursor.execute("INSERT INTO chat_searchwords (chat_searchwords) VALUES ('optimize')")
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


def test_nothing_stays_of_what_is_deleted(alice: User) -> None:
    conversation = talk(alice, "bees", "wasps", "hornets", "flies", title="Insects")
    branches.delete(owner_id=alice.pk, message_id=conversation.head_id)
    assert SearchEntry.objects.count() == 3
    assert found(alice, "flies") == []
    conversation.delete()
    assert (SearchEntry.objects.count(), index_rows()) == (0, 0)


def test_erasing_a_person_empties_the_index(alice: User) -> None:
    talk(alice, "bees", title="Insects")
    erase(alice)
    assert (SearchEntry.objects.count(), index_rows()) == (0, 0)


def test_what_is_not_yet_findable_is_caught_up_with(alice: User) -> None:
    conversation = Conversation.objects.create(owner=alice)
    for _ in range(3):  # of one moment: they would meet in one place
        Message.objects.create(conversation=conversation, role="user", content="bees", created_at=NOON)
    Message.objects.create(conversation=conversation, role="assistant", content="be", status="streaming")
    twins = [uuid.UUID(int=7 << 20), uuid.UUID(int=9 << 20)]
    for key in twins:
        Conversation.objects.create(id=key, owner=alice, title="Bees", created_at=NOON)
    assert (search.catch_up(), search.catch_up()) == (5, 0)
    assert set(found(alice, "bees")) == {conversation.id, *twins}


# --- Over HTTP --------------------------------------------------------------------------------------


def test_it_is_a_parameter_of_the_list(alice: User) -> None:
    conversation = talk(alice, "about bees", title="Insects")
    (row,) = Rest(alice).call("get", "/conversations?q=bee").json()["results"]
    assert (row["id"], row["title"]) == (str(conversation.id), "Insects")
    assert row["matches"][0] | {"text": "about bees", "marks": [[6, 10]], "role": "user"} == row["matches"][0]


def test_a_page_of_results_leads_to_the_next(alice: User) -> None:
    for minute in range(5):
        talk(alice, "bees", minute=minute)
    rest, path, seen = Rest(alice), "/conversations?q=bees&limit=2", []
    while path:
        page = rest.call("get", path).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"] and page["next"].split("/api/v1")[1]
    assert len(seen) == len(set(seen)) == 5


def test_a_search_costs_the_same_queries_however_much_it_finds(alice: User) -> None:
    counts = []
    for more in (1, 30):
        for minute in range(more):
            talk(alice, "bees", "bees", minute=minute)
        with CaptureQueriesContext(connection) as queries:
            Rest(alice).call("get", "/conversations?q=bees&limit=50")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_cursor_that_cannot_be_is_refused(alice: User) -> None:
    response = Rest(alice).call("get", "/conversations?q=bees&cursor=zzz")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "cursor")
