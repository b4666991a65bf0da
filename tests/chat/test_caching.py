"""Where cache points go: numbers in, places out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from chat.caching import Placement, Warm, place, unmarked, worth
from chat.outlook import Habit, Outlook, Pace, expect, key_of
from presets.pricing import Prices
from wisqu.openrouter.traits import CacheTraits, cache_traits

CLAUDE = cache_traits("anthropic/claude-sonnet-4.6")
PRICES = Prices(
    prompt=Decimal("0.000003"),
    completion=Decimal("0.000015"),
    input_cache_read=Decimal("0.0000003"),
    input_cache_write=Decimal("0.00000375"),
    input_cache_write_1h=Decimal("0.000006"),
)
PAID_AUTOMATIC = CacheTraits(explicit=True, automatic=True, min_tokens=1024)
FREE_AUTOMATIC = replace(PRICES, input_cache_write=None, input_cache_write_1h=None)
OPEN = [2_000, 100]  # system prompt, question
GROWN = [2_000, 100, 400, 120]  # and an answer, and the next question


def outlook(goes_on: float, *, within_5m: float = 1.0, within_1h: float = 1.0) -> Outlook:
    return Outlook((goes_on,), (Pace(1.0, within_5m, within_1h),))


SURE = outlook(0.9)
NEVER = outlook(0.0)


def placed(sizes: list[int], goes_on: Outlook = SURE, **options) -> Placement:
    options = {"traits": CLAUDE, "prices": PRICES, **options}
    return place(sizes=sizes, outlook=goes_on, **options)


def messages(placement: Placement) -> list[int]:
    return [mark.message for mark in placement.marks]


def test_a_conversation_marks_the_system_prompt_and_the_question() -> None:
    assert messages(placed(OPEN)) == [0, 1]


def test_the_next_turn_marks_where_the_last_one_wrote_and_moves_on() -> None:
    warm = Warm(1, "5m", age_s=60, tokens=2_100)
    assert messages(placed(GROWN, warm=warm)) == [0, 1, 3]


def test_a_question_that_nobody_follows_buys_no_write() -> None:
    assert placed(OPEN, NEVER) == Placement()


def test_what_is_cached_is_read_even_when_nothing_more_is_worth_writing() -> None:
    warm = Warm(1, "5m", age_s=60, tokens=2_100)
    assert messages(placed(GROWN, NEVER, warm=warm)) == [0, 1]


def test_a_write_pays_from_the_chance_on_that_its_premium_and_saving_give() -> None:
    # Written now it saves w - r at the next turn, as whoever goes on writes then: 0.25 / 1.15 = 21.7 %.
    assert messages(placed(OPEN, outlook(0.22))) == [0, 1]
    assert messages(placed(OPEN, outlook(0.21))) == []


def test_nothing_under_the_models_minimum_is_marked() -> None:
    assert placed([500, 500]) == Placement()
    assert messages(placed([500, 524])) == [1]
    assert messages(placed([1_024, 10])) == [0, 1]


def test_each_model_has_its_own_minimum() -> None:
    haiku = cache_traits("anthropic/claude-haiku-4.5")
    assert placed(OPEN, traits=haiku) == Placement()
    assert messages(placed([4_000, 96], traits=haiku)) == [1]


def test_pauses_of_minutes_take_five_minutes() -> None:
    assert {mark.ttl for mark in placed(OPEN, SURE).marks} == {"5m"}


def test_pauses_of_twenty_minutes_take_an_hour() -> None:
    assert {mark.ttl for mark in placed(OPEN, outlook(0.9, within_5m=0.05)).marks} == {"1h"}


def test_pauses_beyond_an_hour_buy_nothing() -> None:
    assert placed(OPEN, outlook(0.9, within_5m=0.05, within_1h=0.1)) == Placement()


def test_an_hour_is_not_bought_where_the_model_has_none() -> None:
    qwen = cache_traits("qwen/qwen-plus")
    assert placed(OPEN, outlook(0.9, within_5m=0.05), traits=qwen) == Placement()


def test_all_marks_of_a_request_have_one_ttl() -> None:
    warm = Warm(1, "1h", age_s=1_200, tokens=2_100)
    assert {mark.ttl for mark in placed(GROWN, warm=warm).marks} == {"1h"}


def test_what_has_expired_is_decided_anew() -> None:
    late = Warm(1, "5m", age_s=301, tokens=2_100)
    assert messages(placed(GROWN, warm=late)) == [0, 3]


def test_another_prefix_is_not_taken_for_what_is_cached() -> None:
    other = Warm(1, "5m", age_s=60, tokens=1_999)
    assert messages(placed(GROWN, NEVER, warm=other)) == []


def test_a_cut_history_marks_the_system_prompt_alone() -> None:
    assert messages(placed(GROWN, history_is_cut=True)) == [0]


def test_the_system_strategy_marks_the_system_prompt_alone() -> None:
    assert messages(placed(GROWN, scope="system")) == [0]
    assert messages(placed([500, 5_000], scope="system")) == []


def test_four_marks_are_never_exceeded() -> None:
    sizes = [2_000, *[300] * 41]
    warm = Warm(39, "5m", age_s=10, tokens=2_000 + 39 * 300)
    assert messages(placed(sizes, warm=warm)) == [0, 39, 41]


def test_a_model_that_caches_by_itself_for_nothing_gets_no_marks() -> None:
    automatic = cache_traits("openai/gpt-4o-mini")
    assert placed(OPEN, traits=automatic, prices=FREE_AUTOMATIC) == Placement(automatic=True)


def test_a_storage_price_under_the_prompts_is_no_reason_to_switch_off() -> None:
    gemini = replace(PRICES, input_cache_write=Decimal("0.0000008"))
    assert placed(OPEN, NEVER, traits=PAID_AUTOMATIC, prices=gemini).automatic


def test_paid_automatic_caching_is_left_on_only_where_it_pays() -> None:
    assert placed(OPEN, SURE, traits=PAID_AUTOMATIC).automatic
    assert not placed(OPEN, NEVER, traits=PAID_AUTOMATIC).automatic


def test_paid_automatic_caching_goes_on_while_it_reads() -> None:
    assert placed(GROWN, NEVER, traits=PAID_AUTOMATIC, warm=Warm(0, "5m", age_s=60)).automatic


def test_caching_that_is_off_is_off_where_it_is_charged() -> None:
    assert unmarked(traits=PAID_AUTOMATIC, prices=PRICES) == Placement(automatic=False)
    assert unmarked(traits=PAID_AUTOMATIC, prices=FREE_AUTOMATIC) == Placement()
    assert unmarked(traits=CLAUDE, prices=PRICES) == Placement()


@pytest.mark.parametrize("name", ["prompt", "input_cache_read", "input_cache_write"])
def test_without_a_price_nothing_is_marked(name: str) -> None:
    prices = replace(PRICES, input_cache_write_1h=None, **{name: None})
    assert placed(OPEN, prices=prices) == Placement()


def test_a_read_that_costs_what_the_prompt_does_is_not_worth_a_mark() -> None:
    assert placed(OPEN, prices=replace(PRICES, input_cache_read=PRICES.prompt)) == Placement()


def test_worth_is_reckoned_exactly() -> None:
    once = Outlook((1.0, 0.0), (Pace(1.0, 1.0, 1.0),))
    found = worth(prices=PRICES, ttls=("5m", "1h"), outlook=once)
    assert found.unwritten == 0
    assert found.written == {"5m": Decimal("0.00000195"), "1h": Decimal("-0.0000003")}


def test_the_same_input_gives_the_same_places() -> None:
    assert placed(GROWN) == placed(list(GROWN))


# --- how a conversation is expected to go on ------------------------------------------------------


def test_the_start_believes_later_turns_to_go_on_more_often() -> None:
    chances = [expect(habits={}, prefix_tokens=500, turn=turn).chance(0) for turn in (1, 2, 3, 6)]
    assert chances == sorted(chances)


def test_what_was_seen_replaces_the_start() -> None:
    here = key_of(prefix_tokens=500, turn=1)
    seldom = expect(habits={here: Habit(ended=5_000, short=50)}, prefix_tokens=500, turn=1)
    assert seldom.chance(0) < 0.02
    assert placed(OPEN, seldom) == Placement()


def test_a_few_observations_change_little() -> None:
    here = key_of(prefix_tokens=500, turn=1)
    start = expect(habits={}, prefix_tokens=500, turn=1).chance(0)
    after = expect(habits={here: Habit(ended=2)}, prefix_tokens=500, turn=1).chance(0)
    assert start * 0.9 < after < start


def test_presets_have_habits_of_their_own() -> None:
    mine = key_of(preset="translator", prefix_tokens=500, turn=1)
    habits = {mine: Habit(ended=5_000)}
    assert expect(habits=habits, prefix_tokens=500, turn=1, preset="translator").chance(0) < 0.02
    assert expect(habits=habits, prefix_tokens=500, turn=1).chance(0) > 0.4


def test_the_conversations_own_pauses_tell_its_pace() -> None:
    for pauses, expected in (([60.0] * 3, "5m"), ([1_200.0] * 3, "1h"), ([5_000.0] * 3, None)):
        found = expect(habits={}, prefix_tokens=5_000, turn=4, pauses=pauses)
        assert worth(prices=PRICES, ttls=("5m", "1h"), outlook=found).best() == expected


def test_a_pace_that_changed_is_noticed() -> None:
    found = expect(habits={}, prefix_tokens=5_000, turn=20, pauses=[60.0] * 13 + [1_200.0] * 6)
    assert worth(prices=PRICES, ttls=("5m", "1h"), outlook=found).best() == "1h"


def test_chances_of_paces_sum_to_one() -> None:
    paces = expect(habits={}, prefix_tokens=10, turn=2, pauses=[400.0]).paces
    assert sum(pace.chance for pace in paces) == pytest.approx(1)
