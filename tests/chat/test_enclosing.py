"""How files become parts of a prompt: which reader a PDF gets, what is cut, what is sent back."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from billing.models import PlanLimit
from chat import enclosing, payloads
from chat.enclosing import Files, Way, dress, enclose
from chat.models import Attachment, Conversation, ParsedFile
from chat.prompts import Line
from presets.catalogue import Model
from tests.people import make_alice
from wisqu.openrouter.types import FilePart, ImagePart, TextPart

SEES = Model(id="maker/sees", input_modalities=("text", "image", "file"))
READS = Model(id="maker/reads", input_modalities=("text",))
PAID = PlanLimit(slug="paid", pdf=True, max_context=10_000)


def pdf(text: str = "word " * 50, name: str = "a.pdf") -> Attachment:
    return Attachment(
        id=uuid.uuid4(), family="pdf", name=name, media_type="application/pdf", key=f"k/{name}", pages=1, text=text,
        token_estimate=len(text) // 4,
    )  # fmt: skip


def way(model: Model = SEES, plan: PlanLimit = PAID, **known: Any) -> Way:
    return Way(plan, model, 10_000, **known)


@pytest.mark.parametrize(
    ("wish", "model", "text", "engine"),
    [
        ("auto", SEES, "word " * 50, "cloudflare-ai"),
        ("auto", SEES, "", "native"),
        ("auto", READS, "", "mistral-ocr"),
        ("native", SEES, "word " * 50, "native"),
        ("native", READS, "word " * 50, "cloudflare-ai"),
        ("mistral-ocr", SEES, "word " * 50, "mistral-ocr"),
        ("cloudflare-ai", SEES, "", "cloudflare-ai"),
    ],
)
def test_a_pdf_is_read_as_the_setting_says_or_by_the_cheapest_that_can(
    settings: Any, wish: str, model: Model, text: str, engine: str
) -> None:
    settings.PDF_ENGINE = wish
    assert way(model).engine([pdf(text)]) == engine


def test_words_of_files_share_half_the_context() -> None:
    note = Attachment(id=uuid.uuid4(), family="text", name="n.txt", text="word " * 8000, token_estimate=8000)
    enclosed = enclose([note, note], way())
    assert enclosed.tokens <= 5_000 + 2 * 12
    assert enclosed.text.count("The rest of this file was left out") == 2


def test_words_stand_in_one_part_with_the_question_and_bytes_before_both() -> None:
    note = Attachment(id=uuid.uuid4(), family="text", name="n.txt", text="notes", token_estimate=1)
    picture = Attachment(
        id=uuid.uuid4(), family="image", name="p.png", media_type="image/png", key="k/p", width=9
    )
    parts = enclose([note, picture], way()).with_words("What is it?")
    assert parts == (
        ImagePart("stored:image/png:k/p"),
        TextPart('<file name="n.txt">\nnotes\n</file>\n\nWhat is it?'),
    )


@pytest.mark.django_db
def test_a_file_that_stands_above_is_not_sent_again() -> None:
    mine = pdf()
    mine.owner = make_alice()
    mine.sha256, mine.size = "0" * 64, 1
    mine.save()
    line = Line("user", "First", attached=[enclosing.facts(mine)])
    dressed = dress(Files(None, [mine]), way(), [line, Line("assistant", "Yes")], "Second")
    assert [type(part) for part in dressed.lines[0].parts] == [FilePart, TextPart]
    assert dressed.question == (TextPart("Second"),)
    assert dressed.sent.pdfs == ((mine.id, "a.pdf"),)


@pytest.mark.django_db
def test_annotations_find_their_files_and_monsters_are_dropped() -> None:
    owner = make_alice()
    conversation = Conversation.objects.create(owner=owner)
    rows = [pdf(name=name) for name in ("a.pdf", "b.pdf", "c.pdf")]
    for number, row in enumerate(rows):
        row.owner, row.sha256, row.size = owner, f"{number:064}", 1
        row.save()
    told = [
        {"type": "file", "file": {"name": "b.pdf", "hash": "2", "content": []}},
        {"type": "file", "file": {"name": "a.pdf", "hash": "1", "content": []}},
        {"type": "file", "file": {"name": "c.pdf", "content": [{"type": "text", "text": "\0"}]}},
    ]
    for _ in range(2):
        enclosing.keep_parsed(conversation.id, [(row.id, row.name) for row in rows], told)
    kept = {row.attachment.name: row.annotation for row in ParsedFile.objects.select_related("attachment")}
    assert kept == {"a.pdf": told[1], "b.pdf": told[0]}


def test_only_models_that_take_it_help_out() -> None:
    assert enclosing.takes(SEES, frozenset({"image", "file"}))
    assert not enclosing.takes(READS, frozenset({"image"}))
    assert enclosing.takes(READS, frozenset())
    assert payloads.stored(pdf()) == "stored:application/pdf:k/a.pdf"
