"""A question that is nothing but a reference is answered from the text: which ones are, what is said, what it costs."""

from __future__ import annotations

import pytest

from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit
from chat import lookups, turns
from chat.inputs import ChatInput
from chat.lookups import THE_TEXT, answer, language_of
from chat.models import TitleJob
from quran.passages import Passage, passage_of
from tests.clients import Api
from tests.live import Sandbox
from tests.people import make_alice
from wisqu.scripture import verses

KURSI = Passage(2, 255, 255)
ASR = Passage(103, 1, 3)


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("2:255", KURSI), ("٢:٢٥٥", KURSI), ("۲:۲۵۵؟", KURSI), ("(2:255)", KURSI), ("Quran 2:255.", KURSI),
        ("2:255-257", Passage(2, 255, 257)), ("Al-Baqarah 255", KURSI), ("سورة البقرة: ٢٥٥", KURSI),
        ("surah 2 verse 255", KURSI), ("آية الكرسي", KURSI), ("آیت الکرسی", KURSI), ("آیۃ الکرسی", KURSI),
        ("Ayat al-Kursi", KURSI), ("AYATUL KURSI!", KURSI), ("Ayetel Kürsi", KURSI), ("Ayat Kursi", KURSI),
        ("le verset du Trône", KURSI), ("the Throne Verse", KURSI), ("آية النور", Passage(24, 35, 35)),
        ("Surah al-Asr", ASR), ("سورة العصر", ASR), ("سوره عصر", ASR), ("سورۃ العصر", ASR), ("Asr Suresi", ASR),
        ("Surat Al-'Asr", ASR), ("sourate Al-Asr", ASR), ("surah 103", ASR), ("2:300", Passage(2, 300, 300)),
    ],
)  # fmt: skip
def test_a_reference_alone_is_looked_up(question: str, passage: Passage) -> None:
    assert passage_of(question) == passage


@pytest.mark.parametrize(
    "question",
    ["What does 2:255 say?", "2:255 and 2:256", "Maryam", "", "?", "It is 10:30 now", "سورة", "Salam", "7", "ratio 3:2 "
     "is what I want", "ما معنى آية الكرسي"],
)  # fmt: skip
def test_a_word_more_and_it_is_a_question(question: str) -> None:
    assert passage_of(question) is None


@pytest.mark.django_db
def test_the_answer_is_the_text_itself_with_its_place() -> None:
    said = answer(KURSI, "en")
    assert verses.verse(2, 255) in said
    assert "### Al-Baqarah 2:255" in said
    assert "Juz 3" in said


@pytest.mark.django_db
def test_a_long_chapter_is_begun_and_says_so() -> None:
    said = answer(Passage(2, 1, 286), "en")
    assert verses.verse(2, lookups.MOST_VERSES) in said
    assert verses.verse(2, lookups.MOST_VERSES + 1) not in said
    assert "266" in said


def test_a_verse_that_there_is_not_is_said_not_to_be() -> None:
    assert "286" in answer(Passage(2, 300, 300), "en")
    assert "114" in answer(Passage(200, 1, 1), "en")


def test_the_language_is_the_readers_unless_another_script_is_written() -> None:
    assert [language_of("آية الكرسي", each) for each in ("en", "fa", "ar")] == ["ar", "fa", "ar"]
    assert [language_of("2:255", each) for each in ("tr", "fa")] == ["tr", "fa"]


def test_it_comes_at_once_counts_nothing_and_asks_nobody(alice: Api, sandbox: Sandbox) -> None:
    PlanLimit.objects.update(messages=0)  # not even a spent month is in its way
    body = alice.ask("آية الكرسي").json()["message"]
    assert (body["status"], body["model"], body["final_model_used"]) == ("done", THE_TEXT, THE_TEXT)
    assert [each["verdict"] for each in body["quotations"]] == ["genuine"]
    assert body["usage"]["cost_usd"] is None
    assert sandbox.ledger(session=body["conversation_id"]) == []
    assert not LedgerEntry.objects.exists()
    assert not TitleJob.objects.exists()
    assert not MonthlyUsageQuota.objects.filter(held_messages__gt=0).exists()
    denied = alice.ask("2:300").json()["message"]
    assert ("286" in denied["content"], denied["references"]) == (True, [])


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"system_prompt": "Be brief."}, {"preset": "translator"}])
def test_instructions_of_ones_own_are_asked_of_a_model(fields: dict[str, str]) -> None:
    opened = turns.open_turn(owner_id=make_alice().pk, chat=ChatInput(message="2:255", **fields))
    assert opened.said is None


@pytest.mark.django_db
def test_it_can_be_switched_off(settings) -> None:
    settings.VERSE_LOOKUPS_ENABLED = False
    assert turns.open_turn(owner_id=make_alice().pk, chat=ChatInput(message="2:255")).said is None


@pytest.mark.django_db
def test_asked_again_it_goes_to_a_model() -> None:
    alice = make_alice()
    first = turns.open_turn(owner_id=alice.pk, chat=ChatInput(message="2:255"))
    place = turns.Place(first.answer.conversation, None, first.answer.parent)
    again = turns.open_turn(owner_id=alice.pk, chat=ChatInput(message="2:255"), place=place)
    assert (first.said is None, again.said) == (False, None)
