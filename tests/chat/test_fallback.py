"""The course of a question through its candidates, on a clock of its own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import PlanLimit
from chat.fallback import Candidate, Course, EmptyAnswer, Patience, fallbacks, is_affordable
from presets import catalogue
from presets.pricing import Prices
from wisqu.openrouter import errors
from wisqu.openrouter.breaker import Breakers, Limits
from wisqu.openrouter.types import ChatRequest

DOWN = errors.UpstreamUnavailable(status=503)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def course(*names: str, breakers: Breakers | None = None, clock: Clock | None = None) -> Course:
    chain = [
        Candidate(ChatRequest(name, (), fallback_models=names[place + 1 :]), slug=f"{name}-20260101")
        for place, name in enumerate(names)
    ]
    clock = clock or Clock()
    known = breakers or Breakers(clock=clock)
    return Course(chain, breakers=known, patience=Patience(), clock=clock)


def fail(on: Course, error: errors.OpenRouterError = DOWN, *, served: str | None = None) -> bool:
    step = on.next()
    assert step is not None
    return on.failed(step, error, served=served, has_words=bool(served))


def asked(on: Course, times: int = 20) -> list[str]:
    """Let everything fail; return who was asked."""
    names = []
    while (step := on.next()) is not None and len(names) < times:
        names.append(step.candidate.id)
        on.failed(step, errors.Interrupted(), served=step.candidate.id, has_words=True)
    return names


def test_every_model_is_asked_once_and_then_once_more() -> None:
    assert asked(course("a", "b", "c")) == ["a", "b", "c", "a", "b", "c"]


def test_a_fallback_without_a_dated_slug_is_not_asked_first() -> None:
    chain = [Candidate(ChatRequest(name, ()), slug=slug) for name, slug in (("a", "a-20260101"), ("b", ""))]
    assert [each.id for each in Course(chain)._queue] == ["a", "b"]
    assert [each.id for each in Course(chain, begins_with="b")._queue] == ["b", "a"]


def test_a_lone_model_is_left_to_the_clients_own_retries() -> None:
    step = course("a").next()
    assert step.max_retries is None
    assert not fail(course("a"))
    assert asked(course("a")) == ["a"]


def test_openrouter_gets_the_rest_of_the_list_to_try_itself() -> None:
    on = course("a", "b", "c")
    first = on.next()
    on.failed(first, DOWN, served=None, has_words=False)
    assert first.request.fallback_models == ("b", "c")
    assert on.next().request.fallback_models == ("c",)


def test_the_second_time_round_waits_as_long_as_it_was_told() -> None:
    on = course("a", "b")
    for _ in range(2):
        fail(on, errors.RateLimited(status=429, retry_after=2.0))
    assert on.next().pause == 2.0


def test_whoever_has_others_after_them_may_take_less_time() -> None:
    on = course("a", "b")
    waits = []
    while step := on.next():
        waits.append(step.deadlines.first_byte)
        on.failed(step, DOWN, served=None, has_words=False)
    assert waits == [15.0, 15.0, 15.0, 30.0]


def test_a_minute_and_a_half_of_silence_ends_it() -> None:
    clock = Clock()
    on = course("a", "b", clock=clock)
    fail(on)
    clock.now += 91
    assert on.next() is None


def test_words_make_up_for_time() -> None:
    clock = Clock()
    on = course("a", "b", clock=clock)
    fail(on)
    clock.now += 89
    on.heard()
    clock.now += 89
    assert on.next() is not None


def test_no_model_may_take_longer_than_the_turn_has_left() -> None:
    clock = Clock()
    on = course("a", "b", clock=clock)
    fail(on)
    clock.now = 590.0
    on.heard()
    assert on.next().deadlines.total == pytest.approx(10.0)
    clock.now = 601.0
    assert on.next() is None


@pytest.mark.parametrize(
    "error",
    [
        errors.OperatorError(status=402),
        errors.ModelUnavailable(status=404),
        errors.RateLimited(status=429),
        errors.UpstreamUnavailable(status=503),
        errors.UpstreamTimeout(),
        errors.Interrupted(),
        errors.MalformedReply(),
        EmptyAnswer(),
    ],
)
def test_what_another_model_may_do_better_goes_on(error: errors.OpenRouterError) -> None:
    assert fail(course("a", "b"), error)


@pytest.mark.parametrize(
    "error",
    [
        errors.OperatorError(status=401),
        errors.InvalidRequest(status=400),
        errors.ContextTooLong(status=400),
        errors.ContentRefused(status=403),
    ],
)
def test_what_no_model_can_help_ends_it(error: errors.OpenRouterError) -> None:
    assert not fail(course("a", "b"), error)


def test_a_model_that_refuses_to_go_on_with_an_answer_is_no_end() -> None:
    assert fail(course("a", "b"), errors.InvalidRequest(status=400), served="a")


def broken(*names: str, clock: Clock) -> Breakers:
    found = Breakers(Limits(failures=1, pause=10), clock=clock)
    for name in names:
        found.failed(name)
    return found


def test_a_model_that_keeps_failing_is_passed_over_and_openrouter_is_not_sent_it() -> None:
    clock = Clock()
    on = course("a", "b", "c", breakers=broken("a", "c", clock=clock), clock=clock)
    step = on.next()
    assert (step.candidate.id, step.request.fallback_models) == ("b", ())
    assert on.reason("b") == "a has been failing lately"


def test_when_all_keep_failing_all_are_asked_without_patience() -> None:
    clock = Clock()
    on = course("a", "b", breakers=broken("a", "b", clock=clock), clock=clock)
    assert on.next().deadlines.first_byte == 5.0
    assert asked(course("a", "b", breakers=broken("a", "b", clock=clock), clock=clock)) == [
        "a",
        "b",
        "a",
        "b",
    ]


def test_a_lone_model_that_began_to_fail_since_the_question_came_is_asked_all_the_same() -> None:
    clock = Clock()
    breakers = Breakers(clock=clock)
    on = course("a", breakers=breakers, clock=clock)
    for _ in range(5):
        breakers.failed("a")
    assert asked(on) == ["a"]


def test_a_model_is_tried_again_after_its_pause() -> None:
    clock = Clock()
    known = broken("a", clock=clock)
    clock.now = 11.0
    on = course("a", "b", breakers=known, clock=clock)
    step = on.next()
    on.answered(step, served="a-20260101", tried=())
    assert (step.candidate.id, known.is_closed("a")) == ("a", True)


def test_who_was_asked_is_known_by_id_whatever_openrouter_calls_them() -> None:
    on = course("a", "b", "c")
    step = on.next()
    on.answered(step, served="b-20260101", tried=("a-20260101", "b-20260101"))
    assert on.models_attempted == ("a", "b")
    assert on.reason("b-20260101") == "a was not available"


def test_a_model_that_fails_inside_openrouters_list_is_blamed() -> None:
    on = course("a", "b", breakers=Breakers(Limits(failures=1), clock=Clock()))
    on.answered(on.next(), served="b", tried=())
    assert not on.breakers.is_closed("a")
    assert on.breakers.is_closed("b")


def test_trouble_of_the_account_is_nobodys_fault() -> None:
    on = course("a", "b", breakers=Breakers(Limits(failures=1), clock=Clock()))
    fail(on, errors.OperatorError(status=402))
    assert on.breakers.is_closed("a")
    assert on.attempted == ["a"]


def test_the_one_being_asked_is_among_those_attempted() -> None:
    on = course("a", "b")
    fail(on, errors.Interrupted(), served="a")
    on.next()
    assert on.models_attempted == ("a", "b")


def model(prompt: str | None, completion: str | None) -> catalogue.Model:
    def price(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text) / 1_000_000

    return catalogue.Model(id="m", prices=Prices(prompt=price(prompt), completion=price(completion)))


def test_nobody_answers_who_costs_more_than_the_ceiling(settings) -> None:
    settings.FALLBACK_PRICE_FACTOR = 5
    asked_for = model("1", "4")
    assert is_affordable(model("5", "20"), instead_of=asked_for)
    assert not is_affordable(model("5.01", "1"), instead_of=asked_for)
    assert not is_affordable(model("1", "20.01"), instead_of=asked_for)
    assert not is_affordable(model(None, None), instead_of=asked_for)


def test_a_free_model_may_be_helped_out_by_a_cheap_one(settings) -> None:
    settings.FALLBACK_PRICE_FACTOR = 5
    assert is_affordable(model("0.15", "0.5"), instead_of=model("0", "0"))
    assert not is_affordable(model("0.15", "0.6"), instead_of=model("0", "0"))


@pytest.mark.django_db
def test_the_sites_list_is_cut_to_plan_ceiling_and_context(settings) -> None:
    settings.DEFAULT_FALLBACK_MODELS = [
        "openai/gpt-4o",
        "openai/gpt-4o-mini",
        "google/gemini-2.5-flash",
        "no/such",
    ]
    llama = catalogue.get("meta-llama/llama-3.1-8b-instruct")
    free, premium = (PlanLimit.objects.get(slug=slug) for slug in ("free", "premium"))
    assert fallbacks(premium, llama, None, prompt_tokens=10) == (
        "openai/gpt-4o-mini",
        "google/gemini-2.5-flash",
    )
    assert fallbacks(premium, llama, None, prompt_tokens=500_000) == ("google/gemini-2.5-flash",)
    mini = catalogue.get("openai/gpt-4o-mini")
    assert fallbacks(free, mini, None, prompt_tokens=10) == ("google/gemini-2.5-flash",)
    assert fallbacks(premium, mini, None, prompt_tokens=10) == ("openai/gpt-4o", "google/gemini-2.5-flash")


@pytest.mark.django_db
def test_retired_names_are_those_of_their_successors() -> None:
    for name, successor in (
        ("anthropic/claude-3.5-sonnet", "anthropic/claude-sonnet-4.5"),
        ("google/gemini-2.5-flash-image-preview", "google/gemini-2.5-flash-image"),
    ):
        assert catalogue.get(name).id == successor
