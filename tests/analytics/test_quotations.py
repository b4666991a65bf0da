"""What the checks of quotations came to: against a slow recount, and what is written down at the end of a turn."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import uuid4

import pytest

from analytics import reports, rollups
from analytics.days import Days, Granularity, step_of, today
from analytics.models import DailyQuotations
from chat.checking import find
from chat.closing import Outcome, close_turn
from chat.inputs import ChatInput
from chat.models import Turn, TurnAttempt
from chat.turns import open_turn
from tests.analytics import slow
from tests.analytics.making import end_any_turn, end_turn
from tests.people import make_alice

pytestmark = pytest.mark.django_db
COLUMNS = ("answers", "quoting", "genuine", "cut", "altered", "not_found", "impossible")
RANGES = [Days.lately(30), Days.lately(1), Days.lately(9, until=today() - timedelta(days=3)), Days.lately(60)]
ALTERED = "Allah says: ﴿قل هو الله أكبر﴾ (Quran 112:1), and see Quran 2:300."
NOTHING = (0,) * len(COLUMNS)


def counts(found: reports.QuotationFigures) -> tuple[int, ...]:
    return tuple(getattr(found, name) for name in COLUMNS)


@pytest.mark.parametrize("days", RANGES, ids=str)
def test_the_checks_of_the_days_are_those_of_a_slow_recount(days: Days) -> None:
    chance, people = random.Random(11), [uuid4() for _ in range(3)]
    for number in range(90):
        end_any_turn(chance, people)
        if number % 40 == 30:
            rollups.roll_up(settling=timedelta(0))
    report = reports.quotation_checks(days, granularity=Granularity.WEEK)
    weeks = slow.checks(days, lambda turn: step_of(slow.day_of(turn.created_at), Granularity.WEEK))

    assert counts(report.total) == slow.checks(days, lambda _: "").get("", NOTHING)
    assert {each.model: counts(each) for each in report.models} == slow.checks(days, lambda turn: turn.model)
    assert {each.preset: counts(each) for each in report.presets} == slow.checks(
        days, lambda turn: turn.preset
    )
    assert {each.day: counts(each) for each in report.days if each.answers} == weeks
    assert [each.day for each in report.days] == days.steps(Granularity.WEEK)


def test_shares_are_of_what_was_checked_and_unknown_where_nothing_was() -> None:
    end_turn(uuid4())  # from before checks were noted
    assert reports.quotation_checks(Days.lately(1)).total.quoting_share is None
    for genuine, altered in ((2, 1), (0, 0), (0, 0), (0, 0)):
        rest = {"cut_quotations": 0, "unknown_quotations": 0, "impossible_references": 0}
        end_turn(uuid4(), genuine_quotations=genuine, altered_quotations=altered, **rest)
    total = reports.quotation_checks(Days.lately(1)).total

    assert (total.answers, total.quoting_share, total.quotations) == (4, 0.25, 3)
    assert total.genuine_share == pytest.approx(2 / 3)


def test_rows_are_as_many_as_days_models_and_presets_whatever_was_asked() -> None:
    for _ in range(20):
        end_turn(uuid4(), genuine_quotations=1, cut_quotations=0, altered_quotations=0, unknown_quotations=0,
                 impossible_references=0)  # fmt: skip
    rollups.roll_up(settling=timedelta(0))

    assert DailyQuotations.objects.values_list("answers", "genuine").get() == (20, 20)


def close(text: str, *, status: str = Turn.Status.DONE, preset: dict | None = None) -> TurnAttempt:
    opened = open_turn(owner_id=make_alice().pk, chat=ChatInput(message="Why?"))
    opened.answer.preset = preset
    outcome = Outcome(status=status, content=text, findings=find(text))
    close_turn(turn_id=opened.turn_id, answer=opened.answer, outcome=outcome)
    return TurnAttempt.objects.get(turn_id=opened.turn_id)


def test_the_end_of_a_turn_notes_what_its_check_found() -> None:
    noted = close(ALTERED, preset={"slug": "tafsir", "is_public": True})

    assert (noted.genuine_quotations, noted.cut_quotations, noted.altered_quotations) == (0, 0, 1)
    assert (noted.unknown_quotations, noted.impossible_references, noted.preset) == (0, 1, "tafsir")


def test_what_failed_is_no_answer_and_peoples_own_presets_stay_unnamed() -> None:
    noted = close(ALTERED, status=Turn.Status.FAILED, preset={"slug": "my-secret", "is_public": False})

    assert (noted.genuine_quotations, noted.preset) == (None, "*")
    assert reports.quotation_checks(Days.lately(1)).total.answers == 0
