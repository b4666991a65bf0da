"""Estimates of tokens: near enough, and never slow."""

import time

import pytest

from presets.tokens import _count, estimate

ENGLISH = "Seek knowledge from the cradle to the grave, he said, and he meant it for everybody. "
PERSIAN = "ز گهواره تا گور دانش بجوی، که دانش چراغی است در راه تاریک. "


def test_an_empty_text_has_none() -> None:
    assert estimate("") == 0


@pytest.mark.parametrize(("text", "tokens"), [("hello world", 2), ("السلام عليكم", 2), ("<|endoftext|>", 7)])
def test_short_texts_are_counted(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


@pytest.mark.parametrize("text", [ENGLISH * 600, PERSIAN * 600, ENGLISH * 300 + PERSIAN * 300])
def test_a_sample_of_a_long_text_is_near_the_count(text: str) -> None:
    assert estimate(text) == pytest.approx(_count(text), rel=0.1)


@pytest.mark.parametrize("text", ["a" * 20_000, " " * 200_000, "ا" * 50_000, "ab1-" * 50_000, "𓀀" * 20_000])
def test_no_text_takes_long(text: str) -> None:
    estimate("warm")
    begun = time.process_time()
    estimate(text)

    assert time.process_time() - begun < 2


def test_a_run_without_a_break_is_counted_in_pieces_and_loses_nothing() -> None:
    assert estimate("x" * 64) <= estimate("x" * 65) <= estimate("x" * 640)
    assert estimate("word " * 50) == _count("word " * 50)
