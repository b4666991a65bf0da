"""Who is taken for dead: whoever shows no new sign while somebody watches, whatever the clocks say."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from wisqu.api.vigil import Vigil

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE, BOB = uuid.uuid4(), uuid.uuid4()


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_same_sign_for_long_enough_is_a_death() -> None:
    vigil = Vigil(for_s=3, clock=(clock := Clock()))
    assert vigil.dead({ALICE: NOON}) == set()
    clock.now_s = 2.9
    assert vigil.dead({ALICE: NOON}) == set()
    clock.now_s = 3
    assert vigil.dead({ALICE: NOON, BOB: NOON}) == {ALICE}


def test_another_sign_begins_the_watch_anew_however_old_it_looks() -> None:
    vigil = Vigil(for_s=3, clock=(clock := Clock()))
    for second in range(0, 60, 5):
        clock.now_s = second
        assert vigil.dead({ALICE: NOON + timedelta(seconds=second)}) == set()


def test_who_was_well_in_between_is_watched_from_the_beginning() -> None:
    vigil = Vigil(for_s=3, clock=(clock := Clock()))
    vigil.dead({ALICE: NOON})
    clock.now_s = 5
    vigil.dead({})
    clock.now_s = 6
    assert vigil.dead({ALICE: NOON}) == set()
