"""Files over REST: what is taken, what is refused, who sees it, and what it counts."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit, Reservation
from chat import attaching, keeping, search
from chat.enclosing import facts
from chat.models import Attachment, Conversation, Message, SearchEntry
from tests.chat.test_conversations import Rest
from tests.media import files
from tests.people import make_alice, make_charlie, signed_in
from wisqu.accounts.erasure import erase
from wisqu.files import storage
from wisqu.media.refusals import FileRefused, Why

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Rest:
    return Rest(make_alice())


def send(rest: Rest, data: bytes, name: str = "a.pdf", kind: str = "application/pdf", **headers: str) -> Any:
    return rest.client.post(
        "/api/v1/attachments",
        {"file": SimpleUploadedFile(name, data, kind)},
        headers={**rest.headers, **headers},
    )


def sent(rest: Rest, data: bytes, name: str = "a.pdf", kind: str = "application/pdf") -> Attachment:
    response = send(rest, data, name, kind)
    assert response.status_code == 201, response.content
    return Attachment.objects.get(id=response.json()["id"])


def put_to_a_question(owner: Any, *attached: Attachment) -> Message:
    conversation = Conversation.objects.create(owner=owner)
    question = Message.objects.create(
        conversation=conversation,
        role="user",
        content="What is it?",
        attached=[facts(each) for each in attached],
    )
    attaching.use((question, attached))
    return question


def documents() -> tuple[int, int]:
    quota = MonthlyUsageQuota.objects.get()
    return quota.used_documents, quota.held_documents


def test_a_pdf_is_read_kept_and_counted_as_one_document(alice: Rest) -> None:
    data = files.pdf("Purity is half of faith.", "Second page")
    told = send(alice, data, "thesis.pdf").json()
    row = Attachment.objects.get()
    assert (told["name"], told["type"], told["pages"], told["size"]) == ("thesis.pdf", "pdf", 2, len(data))
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    assert "half of faith" in row.text
    assert storage.read(row.key) == data
    assert documents() == (1, 0)
    assert LedgerEntry.objects.get().reference == row.id


def test_the_same_bytes_are_one_file_and_one_document(alice: Rest) -> None:
    one, other = (send(alice, files.pdf("Once"), name).json() for name in ("a.pdf", "b.pdf"))
    assert one["id"] == other["id"]
    assert documents() == (1, 0)
    found = alice.call("get", f"/attachments?sha256={one['sha256']}").json()["results"]
    assert [each["id"] for each in found] == [one["id"]]


def test_a_picture_is_written_anew_with_a_thumbnail(alice: Rest) -> None:
    row = sent(alice, files.png(3000, 600) + files.PAGE, "shot.png", "image/png")
    assert (row.width, row.height, row.family) == (2048, 410, "image")
    assert b"script" not in storage.read(row.key)
    small = alice.call("get", f"/attachments/{row.id}/file?thumbnail=true")
    assert small["Content-Type"] == "image/webp"
    assert not MonthlyUsageQuota.objects.filter(used_documents__gt=0).exists()


def test_markdown_is_kept_as_text(alice: Rest) -> None:
    row = sent(alice, "# عنوان\n\nسلام".encode(), "ملاحظات.md", "text/markdown")
    assert (row.media_type, row.name, row.text) == ("text/markdown", "ملاحظات.md", "# عنوان\n\nسلام")


@pytest.mark.parametrize(
    ("data", "name", "kind", "code"),
    [
        (files.SVG, "drawing.svg", "image/svg+xml", "unsupported_type"),
        (files.PAGE, "page.png", "image/png", "unsupported_type"),
        (b"words", "photo.png", "image/png", "type_mismatch"),
        (files.png_that_claims(50_000, 50_000), "big.png", "image/png", "too_many_pixels"),
        (files.GIF_WITH_SCRIPT, "a.gif", "image/gif", "broken_file"),
        (files.locked_pdf(), "locked.pdf", "application/pdf", "encrypted_file"),
        (b"%PDF-1.7 nothing", "broken.pdf", "application/pdf", "broken_file"),
        (b"   ", "empty.txt", "text/plain", "broken_file"),
    ],
)
def test_what_is_not_taken_is_refused_and_leaves_nothing(
    alice: Rest, data: bytes, name: str, kind: str, code: str
) -> None:
    response = send(alice, data, name, kind)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response.json()["errors"][0]["field"] == "file"
    assert not Attachment.objects.exists()
    assert not Reservation.objects.filter(state="held").exists()


def test_limits_of_size_pages_and_space_are_the_settings(alice: Rest, settings: Any) -> None:
    settings.ATTACHMENT_MAX_PAGES = 1
    assert send(alice, files.pdf("a", "b")).json()["code"] == "too_many_pages"
    settings.ATTACHMENT_STORAGE_BYTES = 10
    assert send(alice, files.pdf("a")).json()["code"] == "attachment_storage_full"
    settings.ATTACHMENT_MAX_BYTES = 10
    refused = send(alice, files.pdf("a"))
    assert (refused.status_code, refused.json()["code"]) == (413, "file_too_large")


def test_one_document_too_many_is_refused_before_it_is_read(alice: Rest, monkeypatch: Any) -> None:
    PlanLimit.objects.update(documents=1)
    send(alice, files.pdf("first"))
    monkeypatch.setattr(attaching.worker, "run", lambda *_, **__: pytest.fail("it was read"))
    refused = send(alice, files.pdf("second"))
    assert (refused.status_code, refused.json()["code"]) == (400, "quota_exceeded")
    assert documents() == (1, 0)


def test_a_document_that_can_not_be_read_is_not_counted(alice: Rest) -> None:
    send(alice, b"%PDF-1.7 nothing")
    assert documents() == (0, 0)
    assert Reservation.objects.get().state == "released"


def test_a_busy_worker_says_when_to_come_back(alice: Rest, monkeypatch: Any) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise FileRefused(Why.BUSY, "Later.")

    monkeypatch.setattr(attaching.worker, "run", busy)
    response = send(alice, files.pdf("x"))
    assert (response.status_code, response["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("form", [{}, {"file": "words"}, {"other": SimpleUploadedFile("a.txt", b"x")}])
def test_a_form_without_its_file_is_told_so(alice: Rest, form: dict) -> None:
    response = alice.client.post("/api/v1/attachments", form, headers=alice.headers)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "file")


def test_a_repeated_request_is_one_request(alice: Rest) -> None:
    key = {"Idempotency-Key": "once"}
    one, other = (send(alice, files.pdf("Same"), **key) for _ in range(2))
    assert one.json() == other.json()
    assert send(alice, files.pdf("Other"), **key).json()["code"] == "idempotency_key_reused"


def test_a_stranger_meets_nothing(alice: Rest) -> None:
    row, charlie = sent(alice, files.pdf("Mine")), Rest(make_charlie())
    for method, path in (("get", ""), ("delete", ""), ("get", "/file")):
        response = charlie.call(method, f"/attachments/{row.id}{path}")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert charlie.call("get", "/attachments").json()["results"] == []
    assert Client().get(f"/api/v1/attachments/{row.id}/file").status_code == 401


def test_the_list_takes_the_same_queries_whatever_its_length(
    alice: Rest, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        sent(alice, f"text {number}".encode(), "a.txt", "text/plain")
    with django_assert_num_queries(2):
        found = alice.call("get", "/attachments?limit=4&type=text").json()
    assert len(found["results"]) == 4
    assert found["next"]


def test_no_file_is_ever_a_page_of_this_site(alice: Rest) -> None:
    browser = signed_in(alice.user)
    for data, name, kind in (
        (files.pdf("x"), "a.pdf", "application/pdf"),
        (b"let alert = 1", "code.js", "text/javascript"),
    ):
        row = sent(alice, data, name, kind)
        response = browser.get(f"/api/v1/attachments/{row.id}/file")
        assert response["Content-Disposition"].startswith("attachment;")
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response["Content-Security-Policy"]
        assert "html" not in response["Content-Type"]
        assert "script" not in response["Content-Type"]


def test_a_deleted_file_is_gone_from_its_questions_and_from_the_disk(
    alice: Rest, django_capture_on_commit_callbacks: Any
) -> None:
    row, other = sent(alice, files.pdf("Going")), sent(alice, b"staying", "b.txt", "text/plain")
    question = put_to_a_question(alice.user, row, other)
    search.remember(alice.user.pk, question)
    with django_capture_on_commit_callbacks(execute=True):
        assert alice.call("delete", f"/attachments/{row.id}").status_code == 204
    question.refresh_from_db()
    assert [each["id"] for each in question.attached] == [str(other.id)]
    assert not default_storage.exists(row.key)
    assert documents() == (1, 0)
    assert "staying" in SearchEntry.objects.get(message=question).text
    assert "going" not in SearchEntry.objects.get(message=question).text


def test_files_go_with_their_conversation_and_unused_ones_after_a_day(alice: Rest) -> None:
    used, fresh, old = (sent(alice, each, "a.txt", "text/plain") for each in (b"used", b"fresh", b"old"))
    kept = sent(alice, b"kept", "a.txt", "text/plain")
    put_to_a_question(alice.user, kept)
    question = put_to_a_question(alice.user, used)
    Attachment.objects.filter(id=old.id).update(uploaded_at=timezone.now() - timedelta(hours=25))
    question.conversation.is_temporary = True
    question.conversation.last_message_at = timezone.now() - keeping.TEMPORARY_FOR * 2
    question.conversation.save()
    keeping.clear_out()
    assert attaching.clear_out() == 2
    assert set(Attachment.objects.values_list("id", flat=True)) == {fresh.id, kept.id}


def test_who_sends_a_file_again_before_it_is_swept_keeps_it(alice: Rest) -> None:
    row = sent(alice, b"again", "a.txt", "text/plain")
    put_to_a_question(alice.user, row).conversation.delete()
    sent(alice, b"again", "a.txt", "text/plain")
    assert attaching.clear_out() == 0


def test_erasing_an_account_deletes_its_files(alice: Rest, django_capture_on_commit_callbacks: Any) -> None:
    row = sent(alice, files.png(), "a.png", "image/png")
    with django_capture_on_commit_callbacks(execute=True):
        erase(alice.user)
    assert not default_storage.exists(row.key)
    assert not default_storage.exists(row.thumbnail_key)


def test_a_file_without_a_row_is_swept_and_one_with_a_row_is_not(alice: Rest, monkeypatch: Any) -> None:
    row = sent(alice, files.png(), "a.png", "image/png")
    orphan = storage.save(folder=attaching.FOLDER, ending="pdf", data=b"lost")
    monkeypatch.setattr(storage, "UNCLAIMED_AFTER", timedelta(seconds=-5))
    attaching.sweep()
    assert not default_storage.exists(orphan)
    assert default_storage.exists(row.key)
    assert default_storage.exists(row.thumbnail_key)


def test_the_rest_of_a_long_pdf_is_read_later(alice: Rest, monkeypatch: Any) -> None:
    row = sent(alice, files.pdf("one", "two"))
    Attachment.objects.update(text="one", unread_from=1)
    question = put_to_a_question(alice.user, row)
    search.remember(alice.user.pk, question)
    assert not attaching.read_on(row.id)
    row.refresh_from_db()
    assert (row.text, row.unread_from) == ("one\n\ntwo", None)
    assert attaching.unread(before=timedelta(0)) == []
    assert "two" in SearchEntry.objects.get(message=question).text


def test_an_export_names_every_file_and_its_text(alice: Rest) -> None:
    row = sent(alice, files.pdf("To take along"), "book.pdf")
    (told,) = alice.call("get", "/auth/me/export").json()["attachments"]
    assert (told["name"], told["text"]) == ("book.pdf", "To take along")
    assert told["url"] == f"/api/v1/attachments/{row.id}/file"


def test_an_imported_conversation_has_its_own_files_again_and_nobody_elses(alice: Rest) -> None:
    row = sent(alice, files.pdf("Book"), "book.pdf")
    question = put_to_a_question(alice.user, row)
    answer = Message.objects.create(
        conversation=question.conversation, parent=question, role="assistant", content="A book.", depth=1
    )
    Conversation.objects.update(head=answer)
    export = alice.call("get", f"/conversations/{question.conversation_id}/export").json()
    for rest, names in ((alice, ["book.pdf"]), (Rest(make_charlie()), [])):
        (made,) = rest.call("post", "/conversations/import", export).json()["conversations"]
        first = Message.objects.get(conversation_id=made, role="user")
        assert [each["name"] for each in first.attached] == names
        assert first.attachment_links.count() == len(names)


def test_a_shared_page_names_files_and_links_none(alice: Rest) -> None:
    row = sent(alice, files.pdf("Book"), "book.pdf")
    question = put_to_a_question(alice.user, row)
    answer = Message.objects.create(
        conversation=question.conversation, parent=question, role="assistant", content="A book.", depth=1
    )
    Conversation.objects.update(head=answer)
    path = alice.call("post", f"/conversations/{question.conversation_id}/share", {}).json()["path"]
    page = Client().get(path).content.decode()
    assert "book.pdf" in page
    assert str(row.id) not in page
    own = signed_in(alice.user).get(f"/c/{question.conversation_id}").content.decode()
    assert f"/api/v1/attachments/{row.id}/file?download=true" in own
