"""Titles in words: what is kept of a reply, and who is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat import titles
from presets import catalogue
from presets.models import CatalogueModel


@pytest.fixture(autouse=True)
def _own_catalogue() -> Iterator[None]:
    catalogue.invalidate()
    yield
    catalogue.invalidate()


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        ("Zakat on savings", "Zakat on savings"),
        ('"Zakat on Savings."\n', "Zakat on Savings"),
        ("«الزكاة على المدخرات»", "الزكاة على المدخرات"),
        ("“Praying while travelling”.", "Praying while travelling"),
        ("\n\n# **Title:** The *Throne* Verse\nIt is about …", "The Throne Verse"),
        ("العنوان: آية الكرسي،", "آية الكرسي"),
        ("- [Fasting](https://evil.example) in <b>Ramadan</b>", "Fasting in Ramadan"),
        ("<think>The user wants a title.\nHm.</think>\nPurity of water", "Purity of water"),
        ("What breaks the fast?", "What breaks the fast?"),
        ("\u202eevil\u202c \u2066title\u2069\u200f\u061c", "evil title"),
        ("می\u200cروم به حج\u200c", "می\u200cروم به حج"),
        ("Two\twords\x00 and\u00a0more\u2028next", "Two words and more"),
        ("Don't rush 'prayer'", "Don't rush 'prayer'"),
        ("'Prayer'", "Prayer"),
        ('""', ""),
        (" … ", ""),
        ("", ""),
    ],
)
def test_only_plain_words_are_kept(reply: str, title: str) -> None:
    assert titles.clean(reply) == title


@pytest.mark.parametrize("word", ["patience ", "صبر ", "忍耐", "é" * 7 + " "])
def test_a_title_has_at_most_sixty_characters(word: str) -> None:
    title = titles.clean(word * 40)

    assert 40 < len(title) <= 60
    assert title.endswith("…")


def test_only_the_beginning_of_a_long_conversation_is_read() -> None:
    shown = titles._shown([("q" * 100_000, "a" * 100_000), ("last question", "last answer")])

    assert shown.startswith("qqq")
    assert shown.endswith("last answer")
    assert len(shown) < 3000


@pytest.mark.django_db
def test_the_cheapest_of_the_sites_models_that_does_not_think_is_asked(settings) -> None:
    settings.LLM_MODEL, settings.DEFAULT_FALLBACK_MODELS = "openai/gpt-4o", ["openai/gpt-4o-mini"]

    wish = titles.request_for([("What is zakat?", "Alms.")], user="u1")

    assert wish is not None
    assert (wish.model, wish.fallback_models[0], wish.user) == ("openai/gpt-4o-mini", "openai/gpt-4o", "u1")
    assert wish.max_tokens == titles.MOST_TOKENS


@pytest.mark.django_db
def test_the_model_of_the_setting_is_asked_first(settings) -> None:
    settings.TITLE_MODEL = "google/gemini-2.5-flash-lite"

    assert titles._models()[0] == "google/gemini-2.5-flash-lite"


@pytest.mark.django_db
def test_a_model_that_may_not_be_used_is_never_asked(settings) -> None:
    settings.TITLE_MODEL, settings.DEFAULT_FALLBACK_MODELS = "openai/gpt-4o-mini", []
    row = CatalogueModel.objects.get(slug="openai/gpt-4o-mini")
    row.blocked_reason = "too dear"
    row.save()

    assert titles._models()[0] == "meta-llama/llama-3.1-8b-instruct"  # the cheapest of the catalogue


@pytest.mark.django_db
def test_without_any_model_there_is_nothing_to_ask(settings) -> None:
    for row in CatalogueModel.objects.all():
        row.blocked_reason = "closed"
        row.save()

    assert titles.request_for([("Hello", "Hello")], user=None) is None
