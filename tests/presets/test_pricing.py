"""What a generation costs, to the last place."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presets import pricing
from presets.pricing import BadPrice, Override, Prices
from wisqu.openrouter.types import Usage

D = Decimal

SONNET = Prices(
    prompt=D("0.000003"),
    completion=D("0.000015"),
    input_cache_read=D("0.0000003"),
    input_cache_write=D("0.00000375"),
    input_cache_write_1h=D("0.000006"),
)
TOKENS = st.integers(0, 2_000_000)


def used(prompt: int, completion: int = 0, *, read: int | None = 0, written: int | None = 0) -> Usage:
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        reasoning_tokens=0,
        total_tokens=prompt + completion,
        cached_tokens_read=read,
        cached_tokens_written=written,
    )


def test_plain_tokens_cost_their_price() -> None:
    assert pricing.cost(SONNET, used(1000, 100)) == D("0.0045")


def test_cached_tokens_are_part_of_the_prompt_and_have_prices_of_their_own() -> None:
    usage = used(10_000, 100, read=8_000, written=1_000)

    assert pricing.cost(SONNET, usage) == D("0.003") + D("0.0024") + D("0.00375") + D("0.0015")
    assert pricing.cost_without_cache(SONNET, usage) == D("0.0315")


def test_a_write_kept_an_hour_costs_more() -> None:
    assert pricing.cost(SONNET, used(1000, written=1000), cache_life="1h") == D("0.006")


def test_writing_a_cache_that_nobody_reads_saves_less_than_nothing() -> None:
    assert pricing.savings(SONNET, used(1000, written=1000)) == D("-0.00075")


def test_cached_tokens_without_a_price_cost_what_others_do() -> None:
    prices = Prices(prompt=D("0.000001"), completion=D("0.000002"))

    assert pricing.cost(prices, used(100, read=60, written=40)) == D("0.0001")
    assert pricing.savings(prices, used(100, read=60)) == 0


def test_a_free_cache_read_is_not_taken_for_an_unknown_price() -> None:
    prices = Prices(prompt=D("0.000001"), completion=D(0), input_cache_read=D(0))

    assert pricing.cost(prices, used(100, read=100)) == 0


def test_without_prices_there_is_no_cost() -> None:
    assert pricing.cost(Prices(), used(10)) is None
    assert pricing.cost_without_cache(Prices(), used(10)) is None
    assert pricing.savings(Prices(), used(10)) is None


def test_without_cache_counts_there_are_no_savings() -> None:
    assert pricing.savings(SONNET, used(1000, read=None, written=None)) is None


def test_a_price_a_request_is_added_once() -> None:
    assert pricing.cost(Prices(prompt=D(0), completion=D(0), request=D("0.01")), used(5, 5)) == D("0.01")


@pytest.mark.parametrize(
    ("prompt", "price"), [(200_000, "0.000003"), (200_001, "0.000006"), (500_001, "0.00001")]
)
def test_long_prompts_take_the_highest_override_that_they_pass(prompt: int, price: str) -> None:
    given_overrides = [
        {"min_prompt_tokens": 200_000, "prompt": "0.000006"},
        {"min_prompt_tokens": 500_000, "prompt": "0.00001"},
    ]
    overrides = pricing.read_overrides(given_overrides, SONNET)
    prices = pricing.prices_for(prompt, SONNET, overrides)

    assert (prices.prompt, prices.completion) == (D(price), SONNET.completion)


@given(prompt=TOKENS, completion=TOKENS, read=TOKENS, written=TOKENS)
def test_cost_is_never_negative_and_savings_are_the_difference(
    prompt: int, completion: int, read: int, written: int
) -> None:
    usage = used(prompt, completion, read=read, written=written)
    cost = pricing.cost(SONNET, usage)

    assert cost is not None
    assert cost >= 0
    assert pricing.savings(SONNET, usage) == pricing.cost_without_cache(SONNET, usage) - cost


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity", "abc", "0.5", -0.1, [], {}])
def test_a_price_that_cannot_be_is_refused(price: object) -> None:
    with pytest.raises(BadPrice):
        pricing.read_price("prompt", price)


@pytest.mark.parametrize(
    "overrides",
    ["text", [1], [{}], [{"min_prompt_tokens": -1}], [{"min_prompt_tokens": 5, "prompt": "-1"}]],
)
def test_overrides_that_cannot_be_are_refused(overrides: object) -> None:
    with pytest.raises(BadPrice):
        pricing.read_overrides(overrides, SONNET)


def test_a_missing_price_is_unknown_and_not_zero() -> None:
    assert pricing.read_prices({"prompt": "0"}) == Prices(prompt=D(0))


def test_no_overrides_leave_the_base() -> None:
    assert pricing.prices_for(10**6, SONNET, ()) is SONNET
    assert pricing.prices_for(5, SONNET, (Override(10, Prices()),)) is SONNET
