"""An answer that is taken up by another model reads as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat.joining import Joiner, anchor, continued
from wisqu.openrouter.types import ChatRequest, Message, TextPart

TOLD, GOES_ON = "openai/gpt-4o-mini", "anthropic/claude-sonnet-4.5"
TEXT = "The night of power is better than a thousand months. In it the angels descend, and the Spirit, by the leave"
REST = " of their Lord, with every command."


def joined(text: str, said: str, *, model: str = TOLD, size: int = 3) -> str:
    joiner = Joiner(text, told=model == TOLD)
    return text + "".join(joiner.feed(piece) for piece in pieces(said, size)) + joiner.end()


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "before",
    [anchor(TEXT), TEXT, "Here is the rest:\n\n" + anchor(TEXT), TEXT[-70:], anchor(TEXT).replace(" ", "\n")],
)
def test_what_a_model_repeats_is_taken_away(before: str, size: int) -> None:
    assert joined(TEXT, before + REST, size=size) == TEXT + REST


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_model_that_goes_on_by_itself_loses_nothing(size: int) -> None:
    assert joined(TEXT, REST, model=GOES_ON, size=size) == TEXT + REST


def test_words_like_those_before_are_no_repetition() -> None:
    assert joined("no, no,", " no, never", model=GOES_ON) == "no, no, no, never"
    assert joined("1, 1", "1, 12", model=GOES_ON) == "1, 11, 12"


def test_a_repetition_is_known_by_whoever_was_not_asked_for_one() -> None:
    assert joined(TEXT, TEXT[-40:] + REST, model=GOES_ON) == TEXT + REST


@pytest.mark.parametrize(
    "whole",
    [TEXT + "|" + REST, 'from first| "well" and', 'from "|well" and', 'from "well"| and', "so **|bold** it",
     "so **bold**| it", "so| **bold** it", "(|see) there", "there| (see)", "end.| Then", "it|, then", "well-|known"],
)  # fmt: skip
def test_a_model_that_repeats_nothing_gets_its_blank(whole: str) -> None:
    text, rest = whole.split("|")
    assert joined(text, rest.strip()) == text + rest


@pytest.mark.parametrize("said", ["\n\n- two", "- two", "\n- two"])
def test_blanks_at_the_break_are_not_doubled(said: str) -> None:
    assert joined("- one\n\n", said, model=GOES_ON) == "- one\n\n- two"
    assert joined("- one\n\n", "- one" + said) == "- one\n\n- two"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("better than a thousand months.", "months."),
        ("better than a thousand months.", "thousand months."),
        ("better than", "Here is the rest: better than"),
        (TEXT, "Here is the rest: " + TEXT),
    ],
)
def test_less_or_more_than_was_told_is_a_repetition_too(text: str, said: str) -> None:
    assert joined(text, said + " and so on") == text + " and so on"


def test_a_break_inside_a_word_is_mended() -> None:
    assert joined("He wrote to the Pro", "He wrote to the Prophet's companions") == (
        "He wrote to the Prophet's companions"
    )
    assert joined("ذهب إلى المدي", "ذهب إلى المدينة المنورة") == "ذهب إلى المدينة المنورة"


def test_a_model_with_nothing_to_add_adds_nothing() -> None:
    assert joined(TEXT, anchor(TEXT)) == TEXT


def test_before_the_first_word_there_is_nothing_to_join() -> None:
    assert joined("", "Salam.") == "Salam."
    request = ChatRequest(TOLD, (Message.text("user", "Hi"),))
    assert continued(request, "") is request


def test_models_are_asked_in_the_way_they_understand() -> None:
    told = continued(ChatRequest(TOLD, (Message.text("user", "Hi"),), max_tokens=200), TEXT + "\n")
    goes_on = continued(ChatRequest(GOES_ON, (Message.text("user", "Hi"),)), TEXT)
    assert [message.role for message in told.messages] == ["user", "assistant", "user"]
    assert told.messages[2].parts[0].text.endswith(anchor(TEXT))
    assert told.messages[1].parts == (TextPart(TEXT),)
    assert 16 < told.max_tokens < 200
    mixed = continued(ChatRequest(GOES_ON, (), fallback_models=(TOLD,)), TEXT)
    assert [message.role for message in mixed.messages] == ["assistant", "user"]
    assert [message.role for message in goes_on.messages] == ["user", "assistant"]
