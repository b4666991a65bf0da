"""Shared conversations: who sees what, and until when."""

from __future__ import annotations

import pytest
from django.test import Client

from chat import branches, keeping, sharing
from chat.models import Conversation, Message, Share
from tests.chat.test_conversations import Rest, make_conversations, make_messages
from tests.chat.test_views import talk
from tests.people import make_alice, make_charlie

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Rest:
    return Rest(make_alice(name="Alice Munro"))


@pytest.fixture
def conversation(alice: Rest) -> Conversation:
    return talk(alice.user, 2)


def shared(alice: Rest, conversation: Conversation, **wish: object) -> str:
    response = alice.call("post", f"/conversations/{conversation.id}/share", wish)
    assert response.status_code == 200, response.content
    return response.json()["path"]


def text(path: str) -> str:
    return Client().get(path).content.decode()


def say_more(conversation: Conversation) -> Message:
    last = conversation.head
    for depth, content in ((4, "later question"), (5, "later answer")):
        role = "assistant" if depth % 2 else "user"
        last = Message.objects.create(
            conversation=conversation, parent=last, role=role, content=content, depth=depth
        )
    conversation.head = last
    conversation.title = "Another title"
    conversation.save()
    return last


def test_everybody_with_the_link_reads_it_and_nobody_learns_whose_it_is(
    alice: Rest, conversation: Conversation
) -> None:
    response = Client().get(shared(alice, conversation))
    page = response.content.decode()
    assert "<strong>a1</strong>" in page
    assert "About bees" in page
    assert "Alice" not in page
    assert "alice@" not in page
    assert str(conversation.id) not in page


def test_no_search_engine_keeps_it_and_no_cache(alice: Rest, conversation: Conversation) -> None:
    response = Client().get(shared(alice, conversation))
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "noindex" in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"


def test_frozen_it_stays_as_it_was_and_live_it_follows(alice: Rest, conversation: Conversation) -> None:
    path = shared(alice, conversation)
    say_more(conversation)
    assert "later answer" not in text(path)
    assert "About bees" in text(path)
    assert shared(alice, conversation, live=True) == path
    assert "later answer" in text(path)
    assert "Another title" in text(path)


def test_sharing_again_brings_a_frozen_page_up_to_date(alice: Rest, conversation: Conversation) -> None:
    path = shared(alice, conversation)
    say_more(conversation)
    assert shared(alice, conversation) == path
    assert "later answer" in text(path)


def test_revoked_it_leads_nowhere_and_a_new_link_is_another(alice: Rest, conversation: Conversation) -> None:
    path = shared(alice, conversation)
    assert alice.call("delete", f"/conversations/{conversation.id}/share").status_code == 204
    assert Client().get(path).status_code == 404
    assert shared(alice, conversation) != path


def test_the_owner_sees_that_it_is_shared(alice: Rest, conversation: Conversation) -> None:
    path = shared(alice, conversation)
    told = alice.call("get", f"/conversations/{conversation.id}").json()["share"]
    assert (told["path"], told["live"]) == (path, False)


def test_what_is_being_written_is_not_shown(alice: Rest, conversation: Conversation) -> None:
    last = say_more(conversation)
    Message.objects.filter(id=last.id).update(status="streaming", content="half of it")
    path = shared(alice, conversation, live=True)
    assert "half of it" not in text(path)
    assert "<strong>a1</strong>" in text(path)


def test_a_conversation_without_answers_is_not_shared(alice: Rest) -> None:
    (empty,) = make_conversations(alice.user, 1)
    response = alice.call("post", f"/conversations/{empty.id}/share", {})
    assert (response.status_code, response.json()["code"]) == (422, "nothing_to_share")


def test_deleting_leaves_no_share(alice: Rest, conversation: Conversation) -> None:
    path = shared(alice, conversation)
    keeping.throw_away(owner_id=alice.user.pk, conversation_ids=[conversation.id])
    assert Client().get(path).status_code == 404
    keeping.take_back(owner_id=alice.user.pk, conversation_ids=[conversation.id])
    branches.delete(owner_id=alice.user.pk, message_id=conversation.head_id)
    assert Client().get(path).status_code == 404
    assert not Share.objects.exists()


def test_charlie_shares_nothing_of_alices(alice: Rest, conversation: Conversation) -> None:
    shared(alice, conversation)
    charlie, path = Rest(make_charlie()), f"/conversations/{conversation.id}/share"
    assert charlie.call("post", path, {}).status_code == 404
    assert charlie.call("delete", path).status_code == 404
    assert Share.objects.count() == 1


def test_a_long_conversation_is_shown_in_pages(alice: Rest) -> None:
    (conversation,) = make_conversations(alice.user, 1)
    make_messages(conversation, 250)
    found = [sharing.read(shared(alice, conversation).removeprefix("/s/"), number=n) for n in (1, 3, 99)]
    assert [page.messages[0].content for page in found] == ["0", "200", "200"]
    assert found[0].pages == 3


@pytest.mark.parametrize("token", ["x", "%00", "../c", "🌍"])
def test_a_link_that_was_never_made_leads_nowhere(token: str) -> None:
    assert Client().get(f"/s/{token}").status_code == 404
