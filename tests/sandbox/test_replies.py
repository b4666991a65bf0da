import re

import pytest

from tests.sandbox.asking import Sandbox, body
from wisqu.sandbox import controls, replies, tokens

ARABIC = re.compile("[\u0600-\u06ff]")
GENUINE = {"ٱللَّهُ لَآ إِلَٰهَ إِلَّا هُوَ ٱلْحَىُّ ٱلْقَيُّومُ", "قُلْ هُوَ ٱللَّهُ أَحَدٌ"}
QUESTIONS = {
    "en": ("What is knowledge?", "Show me a table", "Write some Python code", "Quote a verse"),
    "ar": ("ما هو العلم؟", "أريد جدولا", "اكتب كود", "اذكر آية"),
    "fa": ("دانش چیست؟", "یک جدول بده", "کد پایتون بنویس", "یک آیه بگو"),
    "ur": ("علم کیا ہے؟", "ایک آیت بتائیے ہے"),
}


def answers() -> list[tuple[str, str]]:
    return [(language, replies.sample(each)) for language, all_ in QUESTIONS.items() for each in all_]


def said(box: Sandbox, text: str, **fields: object) -> str:
    return box.complete(text, **fields)["choices"][0]["message"]["content"]


@pytest.mark.parametrize("language", QUESTIONS)
def test_the_questions_letters_tell_its_language(language: str) -> None:
    assert {replies.language(question) for question in QUESTIONS[language]} == {language}


def test_every_answer_says_once_that_no_model_was_asked() -> None:
    for _, answer in answers():
        assert answer.count("OPENROUTER_API_KEY") == 1


def test_every_answer_names_the_question() -> None:
    assert "What is knowledge?" in replies.sample("What is knowledge?")


def test_answers_show_the_shapes_of_markdown() -> None:
    everything = "\n".join(answer for _, answer in answers())
    for shape in ("\n## ", "\n- ", "\n1. ", "\n| ", "```python", "\n> ", "**", "](https://"):
        assert shape in everything


def test_words_choose_the_topic() -> None:
    assert "| Scholar |" in replies.sample("Compare them in a table")
    assert "```python" in replies.sample("Write a Python function")
    assert "2:255" in replies.sample("Which verse of the Qur'an?")


def test_topics_are_whole_words() -> None:
    assert replies.topic("the decoder of tablets") is None


def test_verses_are_quoted_exactly_or_not_at_all() -> None:
    quoted = re.findall(
        r"^> (.*[\u0671\u064b-\u0652]{2,}.*)$", "\n".join(text for _, text in answers()), re.M
    )
    assert set(quoted) == GENUINE


def test_the_sandboxes_python_runs_and_is_right() -> None:
    code = re.search(r"```python\n(.*?)```", replies.sample("Python code"), re.DOTALL)
    assert code
    scope: dict[str, object] = {}
    exec(code[1], scope)
    assert round(scope["qibla"](51.5074, -0.1278)) == 119


def test_markdown_of_the_question_is_not_let_in() -> None:
    assert "<img" not in replies.sample("<img src=x> [x](javascript:1) `")
    assert "](javascript" not in replies.sample("<img src=x> [x](javascript:1) `")


def test_a_reply_given_and_an_echo_come_back_exactly(box: Sandbox) -> None:
    assert said(box, "[[reply:السلام عليكم **x**]]") == "السلام عليكم **x**"
    assert said(box, "[[echo]] say this") == "say this"
    assert said(box, "say this", model="sandbox/echo") == "say this"


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What is the history of the House of Wisdom in Baghdad?", "What is the history of the"),
        ("دانش چیست؟", "دانش چیست"),
        ("[[fault:500]] Hello", "Hello"),
        ("Salam\n\n---\n\nPeace be with you", "Salam"),
    ],
)
def test_a_title_is_short_in_the_questions_language_and_meets_no_fault(
    box: Sandbox, question: str, title: str
) -> None:
    system = {
        "role": "system",
        "content": "Write a short title for this conversation. Reply with the title alone.",
    }
    reply = box.complete([system, {"role": "user", "content": question}])
    assert reply["choices"][0]["message"]["content"] == title


def test_a_title_fails_only_when_told_so(box: Sandbox) -> None:
    system = {"role": "system", "content": "Give a title."}
    assert box.post([system, {"role": "user", "content": "[[title-fault:503]] Hello"}]).status_code == 503


def test_pieces_join_to_the_text_and_keep_marks_with_their_letters() -> None:
    for _, answer in answers():
        assert "".join(tokens.pieces(answer)) == answer
    assert not any(re.match("[\u064b-\u0652]", piece) for piece in tokens.pieces("ٱلْحَىُّ ٱلْقَيُّومُ"))


def test_a_huge_text_is_counted_quickly_and_about_right() -> None:
    text = "light and dark " * 700_000
    assert abs(tokens.count(text) / 2_100_000 - 1) < 0.01


def test_control_words_are_read_with_their_options() -> None:
    read = controls.parse("a [[pace:fast]] [[fault:503 model=first times=2 key=k]] [[words:7]] b")
    (fault,) = read.faults
    assert (fault.name, fault.model, fault.times, fault.key) == ("503", "first", 2, "k")
    assert (read.text("pace"), read.number("words", 0)) == ("fast", 7)
    assert controls.strip("[[pace:fast]] b [[echo]]") == "b"  # noqa: B005 - no method of a text


@pytest.mark.parametrize(
    "text",
    ["[[fault:]]", "[[fault]]", "[[words:x]]", "[[pace:]] [[pace:fast]]", "[[]]", "[[fault:503 times=x]]"],
)
def test_half_written_words_harm_nothing(box: Sandbox, text: str) -> None:
    response = box.client.post("/chat/completions", json=body(text))
    assert response.status_code in (200, 400, 503)
