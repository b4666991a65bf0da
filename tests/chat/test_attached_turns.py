"""Questions with files, asked over real HTTP: what the model is sent, what it costs, and what is kept."""

from __future__ import annotations

import uuid
from typing import Any

from chat.models import Attachment, MessageAttachment, ParsedFile, SearchEntry
from tests.clients import Api
from tests.live import Sandbox, Web
from tests.media import files
from tests.people import make_user
from wisqu.files import storage

QUICK = "[[pace:fast]] [[words:5]]"
SONNET = "anthropic/claude-sonnet-4.6"
_LETTER = "Zakat is due on savings that were kept for a year. " * 3


def upload(person: Api, data: bytes, name: str = "letter.pdf") -> str:
    response = person.http.post("/attachments", files={"file": (name, data)})
    assert response.status_code == 201, response.text
    return response.json()["id"]


def ask(person: Api, message: str, *ids: str, **fields: Any) -> dict[str, Any]:
    response = person.ask(f"{message} {QUICK}", attachments=list(ids), **fields)
    assert response.status_code == 200, response.text
    return response.json()


def requests_of(sandbox: Sandbox, conversation_id: str) -> list[dict[str, Any]]:
    return [entry["request"] for entry in sandbox.ledger(session=conversation_id)]


def parts_of(request: dict[str, Any], place: int = -1) -> list[dict[str, Any]]:
    content = request["messages"][place]["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def test_a_pdf_is_parsed_and_paid_for_once_in_a_conversation(alice: Api, sandbox: Sandbox) -> None:
    letter = upload(alice, files.pdf(_LETTER))
    first = ask(alice, "What is due?", letter)
    talk = first["conversation_id"]
    ask(alice, "And when?", conversation_id=talk)
    again = alice.post(f"/messages/{first['message']['id']}/regenerate", model=SONNET)
    assert again.status_code == 200, again.text
    one, two, three = requests_of(sandbox, talk)
    assert one["plugins"] == [{"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}]
    document, words = parts_of(one)
    assert document["file"]["filename"] == "letter.pdf"
    assert document["file"]["file_data"].startswith("data:application/pdf;base64,JVBERi")
    assert words["text"].startswith("What is due?")
    # The second question sends the parser's own words back beside the file, a new first answer in its place.
    (annotation,) = two["messages"][2]["annotations"]
    assert "Zakat is due" in str(annotation)
    assert parts_of(two, 1)[0] == document
    assert parts_of(three)[0]["text"].startswith('<file name="letter.pdf">')
    assert ParsedFile.objects.count() == 1
    assert alice.usage()["documents"]["used"] == 1


def test_the_second_question_reads_a_long_document_from_the_cache(alice: Api, sandbox: Sandbox) -> None:
    book = upload(alice, ("A long line about bees and what they do all day. " * 800).encode(), "bees.txt")
    first = ask(alice, "What do bees do?", book, model=SONNET)
    second = ask(alice, "And at night?", conversation_id=first["conversation_id"], model=SONNET)
    assert first["message"]["cached_tokens_written"] > 5_000
    assert second["message"]["cached_tokens_read"] > 5_000
    one, two = requests_of(sandbox, first["conversation_id"])
    text = parts_of(one)[0]["text"]
    assert text.startswith('<file name="bees.txt">\nA long line about bees')
    assert parts_of(two, 1)[0]["text"] == text


def test_pictures_go_to_models_that_see_and_are_refused_for_others(alice: Api, sandbox: Sandbox) -> None:
    shot = upload(alice, files.png(40, 30), "shot.png")
    talk = ask(alice, "What is it?", shot, model=SONNET)["conversation_id"]
    picture, _ = parts_of(requests_of(sandbox, talk)[0])
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    blind = alice.ask("Again", attachments=[shot], model="deepseek/deepseek-v3.2")
    assert (blind.status_code, blind.json()["errors"][0]["code"]) == (422, "model_sees_no_images")
    ask(alice, "Go on", conversation_id=talk, model="deepseek/deepseek-v3.2")
    assert "can't see" in parts_of(requests_of(sandbox, talk)[1], 1)[0]["text"]


def test_a_plan_without_the_parser_reads_the_text_here(live: Web, sandbox: Sandbox) -> None:
    free = Api(live, make_user("free@example.org", "free"))
    letter = upload(free, files.pdf(_LETTER))
    answer = ask(free, "What is due?", letter)
    (request,) = requests_of(sandbox, answer["conversation_id"])
    assert "plugins" not in request
    (words,) = parts_of(request)
    assert words["text"].startswith('<file name="letter.pdf">\nZakat is due')
    scan = upload(free, files.pdf(""), "scan.pdf")
    refused = free.ask("Read it", attachments=[scan])
    assert (refused.status_code, refused.json()["code"]) == (403, "plan_feature_required")


def test_a_text_beyond_the_context_is_cut_and_says_so(live: Web, sandbox: Sandbox) -> None:
    free = Api(live, make_user("free@example.org", "free"))
    book = upload(free, ("word " * 20_000).encode(), "book.txt")
    answer = ask(free, "What is in it?", book)
    text = parts_of(requests_of(sandbox, answer["conversation_id"])[0])[0]["text"]
    assert "The rest of this file was left out" in text
    assert len(text) < 15_000


def test_the_question_tells_its_files_everywhere(alice: Api) -> None:
    letter = upload(alice, files.pdf(_LETTER))
    answer = ask(alice, "What is due?", letter)
    question = alice.get(f"/messages/{answer['message']['parent_id']}").json()
    (told,) = question["attachments"]
    assert (told["id"], told["name"], told["type"], told["pages"]) == (letter, "letter.pdf", "pdf", 1)
    page = alice.get(f"/conversations/{answer['conversation_id']}/messages").json()["results"]
    assert [len(message["attachments"]) for message in page] == [0, 1]
    assert answer["message"]["attachments"] == []


def test_a_question_is_found_by_the_words_of_its_file(alice: Api) -> None:
    answer = ask(alice, "What is due?", upload(alice, files.pdf("Murabaha and musharaka compared")))
    found = alice.get("/conversations", q="musharaka").json()["results"]
    assert [each["id"] for each in found] == [answer["conversation_id"]]
    assert SearchEntry.objects.filter(text__contains="murabaha").count() == 1


def test_an_edited_question_keeps_its_files_unless_others_are_named(alice: Api) -> None:
    letter = upload(alice, files.pdf(_LETTER))
    question = ask(alice, "What is due?", letter)["message"]["parent_id"]
    told = []
    for wish in ({}, {"attachments": []}):
        answer = alice.post(f"/messages/{question}/edit", message=f"Otherwise {QUICK}", **wish).json()
        other = alice.get(f"/messages/{answer['message']['parent_id']}").json()
        told.append([each["id"] for each in other["attachments"]])
    assert told == [[letter], []]


def test_somebody_elses_file_and_a_missing_one_are_the_same(alice: Api, charlie: Api) -> None:
    letter = upload(alice, files.pdf(_LETTER))
    bodies = []
    for wanted in (letter, str(uuid.uuid4())):
        response = charlie.ask("Read it", attachments=[wanted])
        assert response.status_code == 404
        bodies.append({**response.json(), "request_id": ""})
    assert bodies[0] == bodies[1]
    assert not MessageAttachment.objects.exists()


def test_a_question_has_so_many_files_and_no_more(alice: Api) -> None:
    ids = [upload(alice, f"text {number}".encode(), "a.txt") for number in range(11)]
    refused = alice.ask("All of them", attachments=ids)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "too_many_files")


def test_files_come_over_the_socket_too(alice: Api, sandbox: Sandbox) -> None:
    letter = upload(alice, files.pdf(_LETTER))
    with alice.socket() as socket:
        socket.send(type="send", ref="1", message=f"What is due? {QUICK}", attachments=[letter])
        done = socket.until("done", "error", "rejected")[-1]
    assert done["type"] == "done"
    (request,) = requests_of(sandbox, done["message"]["conversation_id"])
    assert parts_of(request)[0]["type"] == "file"


def test_a_file_that_vanished_meanwhile_costs_nothing_but_itself(alice: Api, sandbox: Sandbox) -> None:
    letter = upload(alice, files.pdf(_LETTER))
    storage.delete(Attachment.objects.get().key)
    answer = ask(alice, "What is due?", letter)
    (request,) = requests_of(sandbox, answer["conversation_id"])
    assert "could not be read" in parts_of(request)[0]["text"]


def test_an_upload_beyond_the_limit_is_cut_off(alice: Api) -> None:
    response = alice.http.post("/attachments", files={"file": ("a.txt", b"a" * 21_000_000)})
    assert (response.status_code, response.json()["status"]) == (413, 413)
