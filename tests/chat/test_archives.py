"""Taking conversations along and bringing them in, whoever wrote the file."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.utils import timezone

from chat import search, tasks
from chat.models import Conversation, Folder, Message
from chat.trust import Review
from tests.chat.test_conversations import Rest
from tests.chat.test_views import talk
from tests.people import make_alice, make_charlie
from wisqu.api import jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Rest:
    return Rest(make_alice())


CHAT = (("q", None, "user", "a"), ("a", "q", "assistant", "b"))


def bring(rest: Rest, data: Any) -> dict[str, Any]:
    response = rest.call("post", "/conversations/import", data)
    assert response.status_code == 201, response.content
    return response.json()


def content(response: Any) -> bytes:
    return b"".join(response)


def texts(conversation: Conversation) -> list[str]:
    return [message.content for message in conversation.messages.order_by("id")]


def chatgpt(*nodes: tuple[str, str | None, str, str], **fields: Any) -> dict[str, Any]:
    """A conversation as ChatGPT exports it; nodes are key, parent, role and text."""
    mapping = {
        key: {
            "id": key,
            "parent": parent,
            "children": [each[0] for each in nodes if each[1] == key],
            "message": {
                "author": {"role": role},
                "content": {"content_type": "text", "parts": [text]},
                "create_time": 1_700_000_000.5 + number,
                "metadata": {"model_slug": "gpt-4o"},
            }
            if role
            else None,
        }
        for number, (key, parent, role, text) in enumerate(nodes)
    }
    return {"title": "From elsewhere", "create_time": 1_700_000_000.0, "mapping": mapping, **fields}


def test_a_conversation_as_markdown_reads_in_its_order(alice: Rest) -> None:
    conversation = talk(alice.user, 2, model="some/model")
    response = alice.call("get", f"/conversations/{conversation.id}/export?format=md")
    text = response.content.decode()
    assert text.startswith("# About bees\n\n## Question")
    assert text.index("q0") < text.index("**a0**") < text.index("q1") < text.index("**a1**")
    assert response["Content-Disposition"].startswith('attachment; filename="About-bees.md"')


@pytest.mark.parametrize("title", ['a"; x=\r\ny', "../../etc/passwd", "عسل", "", "-" * 200])
def test_no_title_escapes_from_the_header(alice: Rest, title: str) -> None:
    conversation = talk(alice.user)
    Conversation.objects.update(title=title)
    header = alice.call("get", f"/conversations/{conversation.id}/export")["Content-Disposition"]
    assert header.count('"') == 2
    assert "/" not in header
    assert "\n" not in header


def test_what_is_taken_along_can_be_brought_in_with_all_branches(alice: Rest) -> None:
    conversation = talk(alice.user, 2)
    first = Message.objects.get(content="q0")
    Message.objects.create(
        conversation=conversation, parent=first, role="assistant", content="other", depth=1
    )
    file = json.loads(alice.call("get", f"/conversations/{conversation.id}/export").content)
    charlie = Rest(make_charlie())
    outcome = bring(charlie, file)
    (made,) = Conversation.objects.filter(owner=charlie.user)
    files = {"taken": 0, "left_out": []}
    assert outcome == {"conversations": [str(made.id)], "messages": 5, "skipped": [], "files": files}
    assert sorted(texts(made)) == sorted(texts(conversation))
    assert (made.title, made.head.content) == ("About bees", "**a1**")
    assert search.search(charlie.user.pk, "other").found[0].conversation == made


def test_a_whole_export_can_be_brought_in(alice: Rest) -> None:
    talk(alice.user)
    conversation = talk(alice.user)
    first = Message.objects.filter(conversation=conversation, role="user").earliest("id")
    Message.objects.create(
        conversation=conversation, parent=first, role="assistant", content="newer, not shown", depth=1
    )
    file = alice.call("get", "/auth/me/export").json()
    charlie = Rest(make_charlie())
    assert len(bring(charlie, file)["conversations"]) == 2
    for made in Conversation.objects.filter(owner=charlie.user):
        assert made.head.content == conversation.head.content


def test_pins_folders_and_the_archive_come_along(alice: Rest) -> None:
    pinned, archived = talk(alice.user), talk(alice.user)
    at = timezone.now()
    folder = Folder.objects.create(owner=alice.user, name="Bees")
    Conversation.objects.filter(id=pinned.id).update(pinned_at=at, folder=folder)
    Conversation.objects.filter(id=archived.id).update(archived_at=at, folder=folder)
    charlie = Rest(make_charlie())
    bring(charlie, alice.call("get", "/auth/me/export").json())
    bring(charlie, chatgpt(*CHAT, is_archived=True))
    made = Conversation.objects.filter(owner=charlie.user).order_by("id")
    assert [(each.pinned_at, each.archived_at) for each in made][:2] == [(at, None), (None, at)]
    assert made[2].archived_at is not None
    assert {each.folder for each in made[:2]} == {Folder.objects.get(owner=charlie.user, name="Bees")}


def test_a_file_makes_no_more_folders_than_a_person_may_have(alice: Rest, monkeypatch) -> None:
    monkeypatch.setattr(Folder, "MOST", 1)
    file = {"conversations": [chatgpt(*CHAT, folder=name) for name in ("one", "two", "one")]}
    assert len(bring(alice, file)["conversations"]) == 3
    assert Folder.objects.get().conversations.count() == 2


def test_everything_comes_as_a_zip_and_nothing_of_others(alice: Rest) -> None:
    talk(alice.user)
    talk(make_charlie())
    body = content(alice.call("get", "/conversations/export"))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == ["00001-About-bees.json", "00001-About-bees.md"]
        assert json.loads(archive.read("00001-About-bees.json"))["title"] == "About bees"


def test_chatgpts_export_is_read_with_its_branches_and_moments(alice: Rest) -> None:
    file = chatgpt(
        ("root", None, "", ""), ("sys", "root", "system", "be nice"), ("q", "sys", "user", "Why?"),
        ("a1", "q", "assistant", "Because."), ("a2", "q", "assistant", "Therefore."), ("q2", "a2", "user", "And?"),
        ("t", "q2", "tool", "searching"), ("a3", "t", "assistant", "So."), current_node="a1",
    )  # fmt: skip
    bring(alice, [file])
    made = Conversation.objects.get()
    tree = {message.content: message.parent and message.parent.content for message in made.messages.all()}
    assert tree == {
        "Why?": None,
        "Because.": "Why?",
        "Therefore.": "Why?",
        "And?": "Therefore.",
        "So.": "And?",
    }
    assert (made.title, made.head.content, made.created_at.year) == ("From elsewhere", "Because.", 2023)
    assert Message.objects.get(content="So.").model == "gpt-4o"


def test_who_speaks_twice_in_a_row_has_said_one_thing(alice: Rest) -> None:
    bring(alice, chatgpt(("q", None, "user", "a"), ("q2", "q", "user", "b"), ("a", "q2", "assistant", "c"),
                         ("a2", "a", "assistant", "d")))  # fmt: skip
    assert texts(Conversation.objects.get()) == ["a\n\nb", "c\n\nd"]


def test_a_question_without_an_answer_is_left_out(alice: Rest) -> None:
    bring(alice, chatgpt(("q", None, "user", "a"), ("a", "q", "assistant", "b"), ("q2", "a", "user", "c")))
    made = Conversation.objects.get()
    assert texts(made) == ["a", "b"]
    assert made.head.content == "b"


HOSTILE = [
    {"mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}},
    {"mapping": {"a": {"parent": "a", "message": {"author": {"role": "user"}}}}},
    {"mapping": {"a": None, "b": 5, "c": {"message": [], "parent": {}}}},
    {"messages": [None, 5, {"id": 7}, {"id": "x", "parent_id": [], "role": {}, "content": 9}]},
    {"messages": [{"id": "x", "role": "user", "content": "q" * 200_001}]},
    {"messages": [{"id": str(n), "role": "user", "content": "q"} for n in range(5001)]},
    {"title": {"x": 1}, "mapping": []},
    {"messages": []},
    "text",
    None,
]


@pytest.mark.parametrize("item", HOSTILE)
def test_nonsense_is_named_and_does_not_spoil_the_rest(alice: Rest, item: Any) -> None:
    good = chatgpt(("q", None, "user", "a"), ("a", "q", "assistant", "b"))
    outcome = bring(alice, [item, good])
    assert (len(outcome["conversations"]), outcome["skipped"][0]["index"]) == (1, 0)


@pytest.mark.parametrize("moment", [1e308, -1, 10**400, "never", "0001-01-01", True, [], 9_999_999_999_999])
def test_moments_that_cannot_be_are_passed_over(alice: Rest, moment: Any) -> None:
    file = {"title": "t", "created_at": moment, "messages": [
        {"id": "q", "role": "user", "content": "a", "created": moment},
        {"id": "a", "parent_id": "q", "role": "assistant", "content": "b", "created": moment}]}  # fmt: skip
    bring(alice, file)
    question, answer = Message.objects.order_by("depth")
    assert question.created_at < answer.created_at


def test_a_staircase_of_repetitions_does_not_fill_the_memory(alice: Rest) -> None:
    nodes: list[tuple[str, str | None, str, str]] = []
    for number in range(400):
        before = f"q{number - 1}" if number else None
        nodes += [(f"q{number}", before, "user", "x" * 100), (f"a{number}", f"q{number}", "assistant", "y")]
    outcome = bring(alice, [chatgpt(*nodes)])
    assert outcome["skipped"][0]["reason"] == "Its messages stand in each other's way."


def test_a_long_chain_is_taken_over(alice: Rest) -> None:
    nodes = [(str(n), str(n - 1) if n else None, "assistant" if n % 2 else "user", "x") for n in range(3000)]
    assert bring(alice, chatgpt(*nodes))["messages"] == 3000


@pytest.mark.parametrize("file", [{"a": 1}, "x", 5, {"conversations": "x"}])
def test_other_files_are_refused(alice: Rest, file: Any) -> None:
    response = alice.call("post", "/conversations/import", {"conversations": None} if file == 5 else file)
    assert response.status_code in (400, 422)


def test_charlie_takes_nothing_of_alices_along(alice: Rest) -> None:
    conversation = talk(alice.user)
    charlie = Rest(make_charlie())
    assert charlie.call("get", f"/conversations/{conversation.id}/export").status_code == 404
    body = content(charlie.call("get", "/conversations/export"))
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == []


def test_what_imported_answers_quote_is_found_by_a_job_and_not_taken_from_the_file(
    alice: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(jobs, "send_on_commit", lambda *job: sent.append(job))
    verse = "﴿إن الله مع الظالمين﴾ (2:153)"
    file = chatgpt(("q", None, "user", verse), ("a", "q", "assistant", verse), ("b", "q", "assistant", "No."))
    ours = {"id": "1", "role": "user", "content": "q", "parent_id": None}
    claim = {"id": "2", "role": "assistant", "content": "plain", "parent_id": "1", "quotations": [{"x": 1}]}
    made = bring(alice, [file, {"messages": [ours, claim]}])["conversations"]
    assert sent == [("chat.tasks.check_imported", made)]
    assert not Message.objects.exclude(quotations=[]).exists()
    assert tasks.check_imported(made) == tasks.check_imported(made) == 1
    answer = Message.objects.get(role="assistant", content=verse)
    assert [each["verdict"] for each in answer.quotations] == ["altered"]
    assert not Message.objects.exclude(id=answer.id).exclude(quotations=[]).exists()
    assert not Review.objects.exists()
