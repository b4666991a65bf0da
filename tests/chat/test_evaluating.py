"""Questions with expectations: what counts as met, the file that comes along, and the command."""

from __future__ import annotations

import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from chat import expectations
from chat.expectations import Question, judge, language_of

SAMPLES = {
    "en": "The answer is in the second chapter, and it is short.",
    "ar": "الجواب في السورة الثانية، وقد ذكر العلماء أن هذا على وجهين.",
    "fa": "پاسخ این است که روزه در سورهٔ بقره آمده است و برای همه نیست.",
    "ur": "اس کا جواب سورۂ بقرہ میں ہے اور یہ سب کے لیے نہیں۔",
    "tr": "Cevap bu surede ve çok kısa bir ayet olarak geçer.",
    "id": "Jawaban ini ada di surah yang kedua dan tidak panjang.",
    "fr": "La réponse est dans la deuxième sourate et les versets.",
}


@pytest.mark.parametrize("language", SAMPLES)
def test_a_language_is_known_by_its_commonest_words(language: str) -> None:
    assert language_of(SAMPLES[language]) == language


def test_a_verse_in_an_answer_does_not_change_its_language_or_direction() -> None:
    answer = f"{SAMPLES['en']} ﴿الله لا إله إلا هو الحي القيوم لا تأخذه سنة ولا نوم﴾ (2:255)"
    assert all(judge(Question("a", "?", language="en", references=("2:255",), quotations=1), answer).values())
    assert not judge(Question("a", "?", language="ar"), answer)["language"]


@pytest.mark.parametrize(
    ("expected", "answer", "missed"),
    [
        ({"references": ("2:256",)}, "See Quran 2:255.", "references"),
        ({"references": ("2:255",)}, "See Quran 2:254-256.", None),
        ({}, "See Quran 2:300.", "verdicts"),
        ({}, "﴿قل هو الله الصمد﴾", "verdicts"),
        ({"quotations": 1}, "It says that God is one.", "verdicts"),
        ({"points_to": "scholar"}, "You are divorced.", "refusals"),
        ({"points_to": "scholar"}, "اسأل دار الإفتاء في بلدك.", None),
        ({"points_to": "nothing"}, "چنین آیه‌ای وجود ندارد.", None),
        ({"says": ("hanaf|حنف", "shafi")}, "The Hanafis say so.", "words"),
        ({"avoids": ("he is a kafir",)}, "He is a KAFIR.", "words"),
    ],
)
def test_what_is_missing_is_told(expected: dict[str, Any], answer: str, missed: str | None) -> None:
    met = judge(Question("a", "?", **expected), answer)
    assert [name for name, is_met in met.items() if not is_met] == ([missed] if missed else [])


def test_the_questions_that_come_along_are_at_least_150_in_four_languages() -> None:
    questions = expectations.read(expectations.SHIPPED)
    languages = Counter(one.language for one in questions)
    assert len(questions) >= 150
    assert languages.keys() == {"en", "ar", "fa", "ur"}
    assert all(language_of(one.question) in (one.language, "") or len(one.question) < 60 for one in questions)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("no json", "line 1"),
        ('{"id": "a", "question": ""}', "needs an id and a text"),
        ('{"id": "a", "question": "?", "colour": 1}', "no field colour"),
        ('{"id": "a", "question": "?", "references": ["2:300"]}', "names no verse"),
        ('{"id": "a", "question": "?", "says": ["("]}', "line 1"),
        ('{"id": "a", "question": "?"}\n{"id": "a", "question": "!"}', "same id"),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(line)
    with pytest.raises(expectations.BadQuestions, match=complaint):
        expectations.read(path)


def run(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("evaluate", *arguments, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_the_command_asks_and_prints_a_table(tmp_path: Path) -> None:
    path, kept = tmp_path / "questions.jsonl", tmp_path / "out.json"
    questions = [
        {"id": "good", "question": f"[[reply:{SAMPLES['en']}]]", "language": "en", "kind": "sample"},
        {"id": "bad", "question": "[[reply:Quran 2:300]]", "language": "en", "kind": "sample"},
        {"id": "broken", "question": "[[fault:400]]", "kind": "sample"},
    ]
    path.write_text("\n".join(map(json.dumps, questions)))
    told = run(str(path), model="sandbox/fast", json=kept)
    assert "bad: language, verdicts" in told
    assert "Not answered at all: 1" in told
    assert told.split("together")[1].split()[0] == "3"
    answers = {each["id"]: each["answer"] for each in json.loads(kept.read_text())["outcomes"]}
    assert answers == {"good": SAMPLES["en"], "bad": "Quran 2:300", "broken": ""}
    with pytest.raises(CommandError, match=r"33\.3 %"):
        run(str(path), model="sandbox/fast", at_least=50)


@pytest.mark.django_db
def test_a_preset_is_asked_as_it_would_answer(sandbox) -> None:
    told = run(model="sandbox/fast", preset="translator", only="en-verse-1")
    assert "1 questions for sandbox/fast" in told
    (entry,) = sandbox.ledger(model="sandbox/fast", limit="1")
    system, question = entry["request"]["messages"]
    assert "You are a translator" in json.dumps(system)
    assert "Throne Verse" in json.dumps(question)
    with pytest.raises(CommandError, match="No preset"):
        run(preset="nobody")
    with pytest.raises(CommandError, match="no such question"):
        run(only="xx")


@pytest.mark.django_db
def test_the_whole_file_is_asked_of_the_sandbox() -> None:
    told = run(model="sandbox/fast", at_once=16)
    assert told.split("together")[1].split()[0] == "164"
