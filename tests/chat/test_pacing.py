"""Pieces of answers go out one by one, and together where the process is busy."""

from __future__ import annotations

import asyncio
import time

import pytest

from chat import pacing, running, upstream
from chat.pacing import BUSY, CALM, FAST, Pace, Rhythm
from tests.chat.test_running import open_one
from wisqu.api.threads import close_all


class Machine:
    """A clock, and the time that a process has spent of it."""

    now = spent = 0.0

    def work(self, share: float, *, seconds: float = 1.0) -> None:
        self.now += seconds
        self.spent += share * seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def pace(machine: Machine) -> Pace:
    return Pace(clock=lambda: machine.now, spent=lambda: machine.spent)


def test_a_calm_process_is_not_busy(machine: Machine, pace: Pace) -> None:
    machine.work(BUSY * 0.9)
    assert not pace.is_busy()


def test_a_busy_one_is_so_until_it_would_be_calm_without_joining(machine: Machine, pace: Pace) -> None:
    machine.work(BUSY * 1.1)
    assert pace.is_busy()
    machine.work(CALM * 1.1)
    assert pace.is_busy()
    machine.work(CALM * 0.9)
    assert not pace.is_busy()


def test_a_moment_of_work_is_not_being_busy(machine: Machine, pace: Pace) -> None:
    machine.work(1.0, seconds=0.05)
    assert not pace.is_busy()
    machine.work(0.1, seconds=0.3)
    assert not pace.is_busy()


class Always:
    """A process in one state, whatever it does."""

    def __init__(self, *, busy: bool) -> None:
        self._busy = busy

    def is_busy(self) -> bool:
        return self._busy


@pytest.mark.parametrize(
    ("busy", "pieces", "is_joined"), [(True, FAST, True), (True, FAST - 1, False), (False, FAST, False)]
)
def test_only_a_fast_models_pieces_wait_and_only_in_a_busy_process(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, busy: bool, pieces: int, is_joined: bool
) -> None:
    monkeypatch.setattr(pacing, "pace", Always(busy=busy))
    rhythm = Rhythm(clock=lambda: machine.now)
    assert rhythm.is_for_joining(1) == busy
    machine.work(1.0)
    assert rhythm.is_for_joining(pieces) == is_joined


@pytest.mark.django_db(transaction=True)
async def test_the_first_word_never_waits_and_the_others_come_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "pace", Always(busy=True))
    monkeypatch.setattr(pacing, "TOGETHER_S", 3600)
    turn = running.start(await open_one("Busy [[words:30]] [[pace:10ms]]"))
    until = time.monotonic() + 30
    while not (first := turn.text()):
        assert time.monotonic() < until
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    turn.stop()
    assert turn.task
    await turn.task
    assert (turn.text(), turn.message.status) == (first, "stopped"), "the others were still waiting"
    await upstream.close()
    close_all()


@pytest.mark.django_db(transaction=True)
async def test_what_waited_is_lost_neither_in_number_nor_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "pace", Always(busy=True))
    turn = running.start(await open_one("Busy [[words:60]] [[pace:10ms]]"))
    assert turn.task
    await turn.task
    assert turn.text() == " ".join(f"w{n}" for n in range(1, 61))
    assert turn.turn_log.last_seq < 35, "60 words, two or three in an event"
    await upstream.close()
    close_all()
