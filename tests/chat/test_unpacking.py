"""A person's export brought in again with its files, and ZIP files that nobody honest has made."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image

from billing.models import MonthlyUsageQuota, PlanLimit, Reservation
from chat import attaching, importing, luggage, search, unpacking
from chat.models import Attachment, Conversation, Message, MessageAttachment
from tests.chat.test_archives import CHAT, chatgpt, content
from tests.chat.test_attachments import put_to_a_question, sent
from tests.chat.test_conversations import Rest
from tests.media import files
from tests.people import make_alice, make_charlie, signed_in
from wisqu.accounts.erasure import erase
from wisqu.api import asgi
from wisqu.files import storage
from wisqu.media import worker, zips
from wisqu.media.refusals import FileRefused

pytestmark = pytest.mark.django_db
NAMES = ("notes.md", "thesis.pdf", "photo.jpg")


@pytest.fixture
def alice() -> Rest:
    return Rest(make_alice())


@pytest.fixture
def charlie() -> Rest:
    return Rest(make_charlie())


def photo() -> bytes:
    """A JPEG with enough in it to lose something each time that it is written anew."""
    file = io.BytesIO()
    Image.effect_noise((90, 60), 80).convert("RGB").save(file, "JPEG", quality=97)
    return file.getvalue()


SOURCES = {
    "notes.md": lambda: b"# Notes on wudu",
    "more.txt": lambda: b"And on ghusl",
    "thesis.pdf": lambda: files.pdf("Purity is half of faith."),
    "photo.jpg": photo,
}


def talk_about_files(rest: Rest, *names: str) -> Conversation:
    """A question about files, with its answer; those that have to be opened take their time."""
    rows = [sent(rest, SOURCES[name](), name, "") for name in names or NAMES]
    question = put_to_a_question(rest.user, *rows)
    answer = Message.objects.create(
        conversation=question.conversation, parent=question, role="assistant", content="Purity.", depth=1
    )
    Conversation.objects.filter(id=question.conversation_id).update(head=answer)
    return question.conversation


def exported(rest: Rest) -> bytes:
    return content(rest.call("get", "/auth/me/export?files=true"))


def send_zip(rest: Rest, data: bytes, **headers: str) -> Any:
    return rest.client.post(
        "/api/v1/conversations/import",
        data=data,
        content_type="application/zip",
        headers={**rest.headers, **headers},
    )


def bring(rest: Rest, data: bytes) -> dict[str, Any]:
    response = send_zip(rest, data)
    assert response.status_code == 201, response.content
    outcome: dict[str, Any] = response.json()
    return outcome


def kept(rest: Rest) -> dict[str, bytes]:
    return {row.name: storage.read(row.key) for row in Attachment.objects.filter(owner=rest.user)}


def packed(entries: dict[str, Any], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data if isinstance(data, bytes) else json.dumps(data))
    return file.getvalue()


def asking_about(*names: str) -> tuple[dict[str, Any], list[str]]:
    """An export with one question about files of these names, and the ids that it gives them."""
    ids = [str(uuid.uuid4()) for _ in names]
    named = [{"id": each, "name": name} for each, name in zip(ids, names, strict=True)]
    messages = [
        {"id": "q", "role": "user", "content": "What is it?", "attachments": named},
        {"id": "a", "parent_id": "q", "role": "assistant", "content": "A file."},
    ]
    return {"conversations": [{"title": "Files", "messages": messages}]}, ids


# --- There and back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["/auth/me/export?files=true", "/conversations/export"])
def test_an_export_brought_in_elsewhere_has_the_same_texts_and_files(
    alice: Rest, charlie: Rest, way: str
) -> None:
    conversation = talk_about_files(alice)
    outcome = bring(charlie, content(alice.call("get", way)))
    assert outcome["files"] == {"taken": 3, "left_out": []}
    assert kept(charlie) == kept(alice)
    made = Conversation.objects.get(owner=charlie.user)
    assert [each.content for each in made.messages.order_by("id")] == ["What is it?", "Purity."]
    question = made.messages.get(role="user")
    mine = {str(each) for each in Attachment.objects.filter(owner=charlie.user).values_list("id", flat=True)}
    assert [each["name"] for each in question.attached] == list(NAMES)
    assert {each["id"] for each in question.attached} == mine
    assert question.attachment_links.count() == 3
    assert search.search(charlie.user.pk, "half faith").found[0].conversation == made
    assert MonthlyUsageQuota.objects.get(user=charlie.user).used_documents == 1
    assert conversation.messages.get(role="user").attachment_links.count() == 3


def test_the_page_shows_an_imported_question_with_its_files_and_a_stranger_gets_none(
    alice: Rest, charlie: Rest
) -> None:
    talk_about_files(alice, "notes.md", "photo.jpg")
    (made,) = bring(charlie, exported(alice))["conversations"]
    page = signed_in(charlie.user).get(f"/c/{made}").content.decode()
    for row in Attachment.objects.filter(owner=charlie.user):
        assert f"/api/v1/attachments/{row.id}/file" in page
        assert row.name in page
        assert alice.call("get", f"/attachments/{row.id}/file").status_code == 404
        assert charlie.call("get", f"/attachments/{row.id}/file").status_code == 200


def test_erasing_one_account_leaves_the_files_of_the_other(
    alice: Rest, charlie: Rest, django_capture_on_commit_callbacks: Any
) -> None:
    talk_about_files(alice, "notes.md", "photo.jpg")
    bring(charlie, exported(alice))
    before = kept(alice)
    with django_capture_on_commit_callbacks(execute=True):
        erase(alice.user)
    assert kept(charlie) == before


def test_what_was_deleted_comes_back_and_what_is_here_is_not_read_again(
    alice: Rest, monkeypatch: Any
) -> None:
    conversation = talk_about_files(alice, "notes.md", "photo.jpg")
    file, before = exported(alice), kept(alice)
    with monkeypatch.context() as patch:
        patch.setattr(worker, "run", lambda *_, **__: pytest.fail("it was read"))
        assert bring(alice, file)["files"]["taken"] == 2
    Conversation.objects.all().delete()
    attaching.clear_out()
    assert kept(alice) == {}
    assert bring(alice, file)["files"]["taken"] == 2
    assert kept(alice) == before
    assert not Conversation.objects.filter(id=conversation.id).exists()


def test_the_same_zip_twice_makes_copies_of_conversations_and_none_of_files(
    alice: Rest, charlie: Rest
) -> None:
    talk_about_files(alice, "notes.md", "thesis.pdf")
    file = exported(alice)
    for _ in range(2):
        assert bring(charlie, file)["files"] == {"taken": 2, "left_out": []}
    assert Conversation.objects.filter(owner=charlie.user).count() == 2
    assert Attachment.objects.filter(owner=charlie.user).count() == 2
    assert MonthlyUsageQuota.objects.get(user=charlie.user).used_documents == 1


def test_a_repeated_request_brings_nothing_twice(alice: Rest, charlie: Rest) -> None:
    talk_about_files(alice, "notes.md")
    file, key = exported(alice), {"Idempotency-Key": "once"}
    one, other = (send_zip(charlie, file, **key).json() for _ in range(2))
    assert one == other
    assert Conversation.objects.filter(owner=charlie.user).count() == 1
    assert send_zip(charlie, packed({"a.json": [chatgpt(*CHAT)]}), **key).status_code == 422


def test_chatgpts_zip_is_read_past_what_is_no_conversation(alice: Rest) -> None:
    talks = [chatgpt(*CHAT, title='a "quoted] {title'), chatgpt(*CHAT)]
    outcome = bring(alice, packed({
        "user.json": {"id": "user-1", "conversations": 3}, "message_feedback.json": [{"id": "x"}], "chat.html": b"<p>",
        "folder/conversations.json": talks, "one.json": chatgpt(*CHAT, title="alone")}))  # fmt: skip
    assert (len(outcome["conversations"]), outcome["skipped"]) == (3, [])
    titles = set(Conversation.objects.values_list("title", flat=True))
    assert titles == {'a "quoted] {title', "From elsewhere", "alone"}


# --- What is left out -------------------------------------------------------------------------------


def test_a_file_over_the_plans_limit_is_left_out_and_the_text_still_comes(alice: Rest, charlie: Rest) -> None:
    talk_about_files(alice, "notes.md", "thesis.pdf")
    file = exported(alice)
    PlanLimit.objects.update(documents=0)
    outcome = bring(charlie, file)
    (left,) = outcome["files"]["left_out"]
    assert (outcome["files"]["taken"], left["name"], left["reason"]) == (1, "thesis.pdf", "quota_exceeded")
    assert outcome["messages"] == 2
    names = [each["name"] for each in Message.objects.get(conversation__owner=charlie.user, depth=0).attached]
    assert names == ["notes.md"]


def test_space_and_size_bound_an_import_as_they_bound_an_upload(
    alice: Rest, charlie: Rest, settings: Any
) -> None:
    talk_about_files(alice, "notes.md", "thesis.pdf")
    file = exported(alice)
    settings.ATTACHMENT_STORAGE_BYTES = 20
    reasons = [each["reason"] for each in bring(charlie, file)["files"]["left_out"]]
    assert reasons == ["attachment_storage_full"]
    settings.ATTACHMENT_MAX_BYTES = 20
    assert {each["reason"] for each in bring(charlie, file)["files"]["left_out"]} == {"file_too_large"}


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("drawing.svg", files.SVG, "unsupported_type"),
        ("photo.png", b"words", "type_mismatch"),
        ("a.gif", files.GIF_WITH_SCRIPT, "broken_file"),
        ("locked.pdf", files.locked_pdf(), "encrypted_file"),
        ("big.png", files.png_that_claims(50_000, 50_000), "too_many_pixels"),
        ("gone.pdf", None, "file_missing"),
    ],
)
def test_a_hostile_file_is_left_out_with_its_reason(
    alice: Rest, name: str, data: bytes | None, reason: str
) -> None:
    export, (old,) = asking_about(name)
    entries = {"export.json": export} | ({f"attachments/{old}.bin": data} if data is not None else {})
    outcome = bring(alice, packed(entries))
    (left,) = outcome["files"]["left_out"]
    assert (left["name"], left["reason"], len(outcome["conversations"])) == (name, reason, 1)
    assert not Attachment.objects.exists()
    assert not Reservation.objects.filter(state="held").exists()


def test_a_picture_whose_seal_is_broken_is_written_anew(alice: Rest) -> None:
    talk_about_files(alice, "photo.jpg")
    (before,) = (data for name, data in kept(alice).items() if name == "photo.jpg")
    export, (old,) = asking_about("photo.jpg")
    with zipfile.ZipFile(io.BytesIO(exported(alice))) as archive:
        entry = next(each for each in archive.infolist() if each.filename.endswith(".jpg"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("export.json", json.dumps(export))
        changed = zipfile.ZipInfo(f"attachments/{old}.jpg")
        changed.comment = entry.comment
        archive.writestr(changed, before + files.PAGE)
    Conversation.objects.all().delete()
    attaching.clear_out()
    assert bring(alice, file.getvalue())["files"]["taken"] == 1
    assert b"script" not in kept(alice)["photo.jpg"]


def test_a_question_gets_no_more_files_than_it_may_have(alice: Rest, settings: Any) -> None:
    settings.ATTACHMENT_MAX_FILES = 1
    export, ids = asking_about("a.txt", "b.txt")
    texts = {f"attachments/{each}.txt": each.encode() for each in ids}
    outcome = bring(alice, packed({"export.json": export, **texts}))
    assert outcome["files"]["left_out"][0]["reason"] == "too_many_files"
    assert MessageAttachment.objects.count() == 1


def test_names_that_lead_elsewhere_lead_nowhere(alice: Rest, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    export, (old,) = asking_about("../../etc/passwd.txt")
    export["conversations"][0]["messages"][0]["attachments"].append({"id": "../../secret", "name": "x"})
    outcome = bring(alice, packed({
        "export.json": export, "../../evil.txt": b"evil", "/tmp/evil.txt": b"evil",
        f"../attachments/{old}.txt": b"plain words"}))  # fmt: skip
    assert [each.name for each in Attachment.objects.all()] == ["passwd.txt"]
    assert [each["reason"] for each in outcome["files"]["left_out"]] == ["file_missing"]
    assert list(tmp_path.iterdir()) == []


# --- Bombs, and what is none ------------------------------------------------------------------------


def refused(rest: Rest, data: bytes) -> tuple[int, str]:
    response = send_zip(rest, data)
    assert not Conversation.objects.exists()
    return response.status_code, response.json()["code"]


def test_what_is_no_zip_or_has_no_conversation_is_refused(alice: Rest) -> None:
    assert refused(alice, b"words") == (422, "broken_file")
    assert refused(alice, packed({"export.json": {}})[:-30]) == (422, "broken_file")
    assert refused(alice, packed({"a.txt": b"x"})) == (422, "unknown_format")
    assert refused(alice, packed({"a.json": b'{"conversations": '})) == (422, "unknown_format")
    assert bring(alice, packed({"export.json": {"conversations": []}}))["conversations"] == []


def test_json_that_unpacks_to_too_much_is_refused_while_it_is_unpacked(alice: Rest, monkeypatch: Any) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_JSON", 1_000_000)
    bomb = packed({"export.json": b'{"x":"' + b"0" * 3_000_000})
    assert len(bomb) < 10_000
    assert refused(alice, bomb) == (422, "file_too_large")
    assert refused(alice, packed({f"{n}.json": b" " * 300_000 for n in range(5)})) == (422, "file_too_large")


def test_a_file_that_unpacks_to_too_much_is_left_out(alice: Rest, settings: Any) -> None:
    settings.ATTACHMENT_MAX_BYTES = 100_000
    export, (old,) = asking_about("zeros.txt")
    outcome = bring(alice, packed({"export.json": export, f"attachments/{old}.txt": b"0" * 5_000_000}))
    assert [each["reason"] for each in outcome["files"]["left_out"]] == ["file_too_large"]


def test_a_directory_without_end_and_strange_packing_are_refused() -> None:
    with pytest.raises(FileRefused):
        zips.Zip(io.BytesIO(packed({f"{n:0200}": b"" for n in range(9_000)})), most=10)
    opened = zips.Zip(io.BytesIO(packed({"a": b"x"}, zipfile.ZIP_LZMA)), most=10)
    with pytest.raises(FileRefused, match="packed in a way"):
        opened.read("a", most=10)


def test_a_zip_gives_no_more_than_it_may_in_all() -> None:
    opened = zips.Zip(io.BytesIO(packed({"a": b"x" * 60, "b": b"x" * 60})), most=100)
    assert len(opened.read("a", most=60)) == 60
    with pytest.raises(FileRefused):
        opened.read("b", most=60)


def test_texts_of_nothing_but_escapes_are_looked_through_once() -> None:
    escapes = b'\\"' * 500_000  # with a second look at each of them, hours
    assert list(unpacking._conversations_in(memoryview(b'[{"messages": "' + escapes))) == []
    whole = b'[{"messages": "' + escapes + b'"}]'
    assert list(unpacking._conversations_in(memoryview(whole))) == [(1, len(whole) - 1)]


def test_what_is_said_in_a_row_names_only_so_many_files() -> None:
    named = [luggage.Named(str(number)) for number in range(20)]
    nodes = [importing.Node(str(n), str(n - 1), "user", "x", None, attached=list(named)) for n in range(50)]
    nodes += [importing.Node("a", "49", "assistant", "y" * 5_000, None)]
    draft = importing.Draft("", timezone.now(), None, nodes)
    assert len(importing._turns(draft)[0].attached) == importing._MOST_NAMED


def test_of_files_that_are_named_only_those_of_the_zip_are_kept_in_mind(alice: Rest) -> None:
    export, (_, other) = asking_about("a.txt", "b.txt")
    items = export["conversations"]
    found = importing.files_of(alice.user.pk, items, read=lambda item: item, among={other})
    assert [each.id for each in found] == [other]


def test_a_conversation_may_name_more_files_than_a_query_has_room_for(alice: Rest, monkeypatch: Any) -> None:
    talk_about_files(alice, "notes.md", "more.txt")
    monkeypatch.setattr(luggage, "_AT_ONCE", 1)
    assert bring(alice, exported(alice))["files"] == {"taken": 2, "left_out": []}


def test_too_many_or_too_large_conversations_are_refused(alice: Rest, monkeypatch: Any) -> None:
    monkeypatch.setattr(unpacking, "MOST_CONVERSATIONS", 1)
    file = packed({"a.json": [chatgpt(*CHAT), chatgpt(*CHAT)]})
    assert refused(alice, file) == (422, "too_many_conversations")
    monkeypatch.setattr(importing, "MOST_KEPT", 1)
    assert refused(alice, packed({"a.json": [chatgpt(*CHAT)]})) == (422, "too_many_messages")
    monkeypatch.setattr(unpacking, "LARGEST_CONVERSATION", 10)
    assert bring(alice, packed({"a.json": [chatgpt(*CHAT)]}))["skipped"][0]["reason"].startswith(
        "It has more"
    )


def test_malformed_conversations_do_not_spoil_the_rest(alice: Rest) -> None:
    good = json.dumps(chatgpt(*CHAT)).encode()
    outcome = bring(alice, packed({"a.json": b'[{"messages": nonsense}, %s, {"mapping": NaN}]' % good}))
    assert (len(outcome["conversations"]), [each["index"] for each in outcome["skipped"]]) == (1, [0, 2])


def test_who_brings_more_than_can_be_read_at_once_goes_on_with_the_same_zip(
    alice: Rest, charlie: Rest, monkeypatch: Any
) -> None:
    talk_about_files(alice, "notes.md", "more.txt")
    file = exported(alice)
    monkeypatch.setattr(luggage, "READING_S", -1.0)
    told = send_zip(charlie, file)
    assert (told.status_code, told.json()["code"], told["Retry-After"]) == (503, "files_busy", "1")
    assert not Conversation.objects.filter(owner=charlie.user).exists()
    assert bring(charlie, file)["files"]["taken"] == 2


def test_files_that_are_all_refused_are_not_opened_without_end(alice: Rest, monkeypatch: Any) -> None:
    export, ids = asking_about("a.pdf", "b.pdf")
    monkeypatch.setattr(luggage, "READING_S", -2.0)
    monkeypatch.setattr(luggage, "_FRUITLESS_S", -1.0)
    monkeypatch.setattr(worker, "run", lambda *_, **__: pytest.fail("it was read"))
    outcome = bring(
        alice, packed({"export.json": export} | {f"attachments/{each}.pdf": b"%PDF-" for each in ids})
    )
    assert [each["reason"] for each in outcome["files"]["left_out"]] == ["files_busy"] * 2


def test_one_import_of_a_person_runs_at_a_time(alice: Rest) -> None:
    with unpacking._turn(alice.user.pk):
        assert refused(alice, packed({"export.json": {}})) == (503, "files_busy")
    assert send_zip(alice, packed({"export.json": {}})).status_code == 201


def test_a_stranger_and_another_type_are_turned_away(alice: Rest) -> None:
    alice.headers = {"Authorization": "Bearer nothing"}
    assert send_zip(alice, b"").status_code == 401
    fresh = Rest(alice.user)
    answer = fresh.client.post(
        "/api/v1/conversations/import", data=b"PK", content_type="application/x-tar", headers=fresh.headers
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("kind", "is_large"),
    [
        (b"Application/ZIP; x=y", True),
        (b"application/json", False),
        (b"application/zip,application/json", False),
    ],
)
def test_a_zip_alone_may_be_larger_than_what_is_read_in_one_piece(
    kind: bytes, is_large: bool, settings: Any
) -> None:
    scope = {"path": "/api/v1/conversations/import", "headers": [(b"content-type", kind)]}
    small, large = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.IMPORT_MAX_BYTES
    assert asgi._limit(scope) == (large if is_large else small)
