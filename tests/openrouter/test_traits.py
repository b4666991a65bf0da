"""What model families support of prompt caching."""

import pytest

from wisqu.openrouter.traits import cache_traits


@pytest.mark.parametrize(
    ("model", "explicit", "automatic", "minimum"),
    [
        ("anthropic/claude-sonnet-4.6", True, False, 1024),
        ("anthropic/claude-haiku-4.5", True, False, 4096),
        ("anthropic/claude-opus-4.7", True, False, 2048),
        ("anthropic/claude-opus-4.1", True, False, 1024),
        ("anthropic/claude-opus-5.5", True, False, 512),
        ("google/gemini-2.5-pro", True, True, 4096),
        ("google/gemini-2.5-flash", True, True, 1024),
        ("openai/gpt-4o-mini", False, True, 1024),
        ("qwen/qwen-plus", True, False, 1024),
        ("nobody/knows-it", False, False, 1024),
    ],
)
def test_families_have_rules(model: str, explicit: bool, automatic: bool, minimum: int) -> None:
    traits = cache_traits(model)
    assert (traits.explicit, traits.automatic, traits.min_tokens) == (explicit, automatic, minimum)


def test_the_catalogue_comes_before_the_family() -> None:
    traits = cache_traits("anthropic/claude-haiku-4.5", mode="none", min_tokens=77)
    assert (traits.explicit, traits.min_tokens) == (False, 77)


def test_where_nobody_knows_a_minimum_the_setting_holds() -> None:
    assert cache_traits("x-ai/grok-4.3", fallback_min_tokens=333).min_tokens == 333


def test_only_anthropic_keeps_an_hour() -> None:
    assert cache_traits("anthropic/claude-sonnet-4.6").ttls == ("5m", "1h")
    assert cache_traits("google/gemini-2.5-flash").ttls == ("5m",)
