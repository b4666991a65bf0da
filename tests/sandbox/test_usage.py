from dataclasses import replace
from decimal import Decimal

import pytest

from tests.sandbox.asking import CLAUDE, MODEL, Sandbox, usage_of
from wisqu.sandbox.catalogue import Model, find
from wisqu.sandbox.usage import Usage, cost


def model(name: str) -> Model:
    found = find(name)
    assert found is not None
    return found


def test_cost_is_prompt_cached_written_and_completion_at_their_prices() -> None:
    usage = Usage(prompt=10_000, completion=500, cached=4_000, written_5m=3_000, written_1h=1_000)
    price = cost(model(CLAUDE), usage)
    assert price.prompt == Decimal("0.006") + Decimal("0.0012") + Decimal("0.01125") + Decimal("0.006")
    assert price.completion == Decimal("0.0075")


@pytest.mark.parametrize(("prompt", "expected"), [(200_000, "0.6"), (200_001, "1.200006")])
def test_an_override_applies_strictly_above_its_size(prompt: int, expected: str) -> None:
    assert cost(model("anthropic/claude-sonnet-4.5"), Usage(prompt=prompt)).total == Decimal(expected)


def test_googles_write_price_is_storage_on_top_of_input() -> None:
    usage = Usage(prompt=1_000_000, written_5m=1_000_000)
    assert cost(model("google/gemini-2.5-flash"), usage).total == Decimal("0.383333")


def test_image_tokens_have_their_own_price() -> None:
    usage = Usage(completion=1290, image=1290)
    assert cost(model("google/gemini-2.5-flash-image"), usage).total == Decimal("0.0387")


def test_fees_are_in_the_total_only() -> None:
    price = cost(model(MODEL), replace(Usage(), fees=Decimal("0.007")))
    assert (price.total, price.upstream) == (Decimal("0.007"), 0)


def test_the_reply_and_the_ledger_agree_on_the_exact_cost(box: Sandbox) -> None:
    usage = usage_of(box.events("[[words:100]]", model=CLAUDE))
    expected = usage["prompt_tokens"] * Decimal("0.000003") + 100 * Decimal("0.000015")
    assert Decimal(str(usage["cost"])) == Decimal(str(box.last()["cost"])) == expected
    assert usage["total_tokens"] == usage["prompt_tokens"] + 100


def test_a_free_model_costs_nothing(box: Sandbox) -> None:
    assert box.complete("[[words:3]]", model="google/gemma-4-31b-it:free")["usage"]["cost"] == 0
