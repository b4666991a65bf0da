"""A model that fails again and again is left alone, and tried again by itself."""

from wisqu.openrouter.breaker import Breakers, Limits

LIMITS = Limits(failures=3, share=0.4, window=10, pause=10, probe=30)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock) -> Breakers:
    breakers = Breakers(LIMITS, clock=clock)
    for _ in range(3):
        breakers.failed("a")
    return breakers


def test_repeated_failures_open_it_for_that_model_alone() -> None:
    breakers = broken(Clock())
    assert breakers.is_open("a")
    assert not breakers.is_open("b")


def test_failures_that_are_few_among_many_answers_do_not() -> None:
    breakers = Breakers(LIMITS, clock=Clock())
    breakers.failed("a")
    for _ in range(20):
        breakers.answered("a")
    breakers.failed("a")
    breakers.failed("a")
    assert not breakers.is_open("a")


def test_failures_far_apart_do_not() -> None:
    clock = Clock()
    breakers = Breakers(LIMITS, clock=clock)
    for _ in range(6):
        breakers.failed("a")
        clock.now += 6
    assert not breakers.is_open("a")


def test_after_the_pause_one_call_tries_it_and_the_others_wait() -> None:
    clock = Clock()
    breakers = broken(clock)
    clock.now += 11
    assert [breakers.is_open("a") for _ in range(3)] == [False, True, True]


def test_a_try_that_succeeds_closes_it() -> None:
    clock = Clock()
    breakers = broken(clock)
    clock.now += 11
    assert not breakers.is_open("a")
    breakers.answered("a")
    assert [breakers.is_open("a") for _ in range(3)] == [False, False, False]


def test_a_try_that_fails_opens_it_again() -> None:
    clock = Clock()
    breakers = broken(clock)
    clock.now += 11
    assert not breakers.is_open("a")
    breakers.failed("a")
    assert breakers.is_open("a")
    clock.now += 11
    assert not breakers.is_open("a")


def test_a_try_that_nobody_hears_of_is_given_up() -> None:
    clock = Clock()
    breakers = broken(clock)
    clock.now += 11
    assert not breakers.is_open("a")
    clock.now += 31
    assert not breakers.is_open("a")
