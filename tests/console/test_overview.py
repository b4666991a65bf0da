"""The start page: its numbers are the ledger's, and it answers what staff ask first."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import RequestFactory
from django.utils import timezone

from billing.amounts import Amounts
from billing.models import LedgerEntry, Subscription
from chat.trust import Review
from console import charts, overview
from console.charts import Series
from imagery.models import GeneratedImage
from tests.analytics.making import end_turn
from tests.billing.held import hold, limit_to, settle
from tests.console.staff import answered, boss, desk_of, member, shown
from tests.people import make_alice, make_bob, make_charlie, signed_in
from wisqu.api.ids import uuid7

pytestmark = pytest.mark.django_db
START = "/admin/"


def spend(user, usd: str, *, days_ago: int, model: str = "openai/gpt-4o-mini", saved: str = "0") -> None:
    """Book a call as it was so many days ago."""
    moment = timezone.now() - timedelta(days=days_ago)
    entry = LedgerEntry(
        id=uuid7(), user_id=user.pk, created_at=moment, period_start=moment, plan="premium", kind="chat",
        model=model, messages=1, tokens=100, prompt_tokens=90, cost_usd=Decimal(usd), cost_source="upstream",
        savings_usd=Decimal(saved),
    )  # fmt: skip
    entry.save()


def figures(**query: str) -> dict[str, overview.Figure]:
    return {each.name: each for each in boss().get(START, query).context["figures"]}


def test_it_tells_what_yesterday_cost_and_on_which_model() -> None:
    alice = make_alice()
    spend(alice, "3", days_ago=1, model="anthropic/claude-sonnet-4.5")
    spend(alice, "1", days_ago=1)
    spend(alice, "50", days_ago=2)
    found = boss().get(START).context["yesterday"]
    assert (
        found.total
        == sum(entry.cost_usd for entry in LedgerEntry.objects.filter(created_at__date=found.day))
        == Decimal(4)
    )
    assert [(cost, part) for _name, cost, part in found.models] == [("$3.00", 75), ("$1.00", 25)]


def test_it_tells_what_caching_saved_this_month() -> None:
    spend(make_alice(), "1", days_ago=0, saved="0.5")
    page = boss().get(START)
    assert page.context["month"].savings_usd == Decimal("0.5")
    assert "$0.5000" in shown(page)


def test_it_names_who_is_about_to_hit_a_limit_and_leads_there() -> None:
    limit_to("premium", messages=10)
    alice = make_alice()
    settle(hold(alice, Amounts(messages=9)), Amounts(messages=9))
    page = boss().get(START)
    assert [(each["email"], each["percent"]) for each in page.context["pressure"]] == [(alice.email, 90)]
    assert desk_of(alice) in shown(page)


def test_it_leads_from_an_address_to_why_an_answer_failed() -> None:
    alice = make_alice()
    answer = answered(alice, status="failed", error_code="model_unavailable", error_detail="No endpoints")
    desk = boss()
    found = desk.get("/admin/find/", {"q": "alice@example.org"})
    assert found["Location"] == desk_of(alice)
    assert str(answer.pk) in shown(desk.get(found["Location"]))
    page = shown(desk.get(f"/admin/answers/{answer.pk}/"))
    assert "This model is not available." in page
    assert "No endpoints" in page


@pytest.mark.parametrize("by", ["message", "turn", "question", "generation"])
def test_an_answer_is_found_by_each_of_its_numbers(by) -> None:
    alice = make_alice()
    answer = answered(alice)
    entry = settle(hold(alice), generation_id="gen-1-abc", reference=answer.pk)
    text = {"message": answer.pk, "turn": answer.turn.pk, "question": answer.parent_id,
            "generation": entry.generation_id}[by]  # fmt: skip
    assert boss().get("/admin/find/", {"q": str(text)})["Location"] == f"/admin/answers/{answer.pk}/"


@pytest.mark.parametrize("text", ["nobody@", "%", "_", "gen-none", "0" * 40, "' OR 1=1", "الله"])
def test_what_is_not_there_is_not_found(text) -> None:
    assert "Nothing was found" in shown(boss().get("/admin/find/", {"q": text}))


def test_figures_are_compared_with_the_days_before() -> None:
    alice = make_alice()
    spend(alice, "3", days_ago=1)
    spend(alice, "2", days_ago=8)
    cost = figures(range="7")["Cost"]
    assert (cost.value, cost.change, cost.way, cost.mood) == ("$3.00", "50 %", "up", "")


@pytest.mark.parametrize("query", [{"from": "2026-13-01"}, {"from": "x", "to": "y"}, {"to": "2020-01-01"},
                                   {"from": "2999-01-01"}, {"range": "<b>"}])  # fmt: skip
def test_days_that_are_none_do_no_harm(query) -> None:
    assert boss().get(START, query).status_code == 200


def test_own_days_are_taken() -> None:
    request = RequestFactory().get(START, {"from": "2026-01-05", "to": "2026-01-06"})
    chosen = overview.choose(request)
    assert (chosen.key, chosen.days.count, str(chosen.before.first)) == ("own", 2, "2026-01-03")


def test_overdue_payments_and_feedback_wait_on_the_page() -> None:
    bob = make_bob()
    Subscription.objects.filter(user=bob).update(
        status="past_due", paid_until=timezone.now() - timedelta(days=2)
    )
    page = boss().get(START)
    groups = {group["name"]: [row["name"] for row in group["rows"]] for group in page.context["waiting"]}
    assert groups == {"Jobs": [], "Payments": ["Payments overdue"], "Feedback and tickets": []}


def test_a_stuck_image_and_an_answer_to_review_lead_to_their_lists() -> None:
    alice = make_alice()
    Review.objects.create(message=answered(alice), reason=Review.Reason.CHECK)
    since = timezone.now() - timedelta(hours=1)
    GeneratedImage.objects.create(owner=alice, batch_id=uuid7(), prompt="x", model="a/b", created_at=since)
    assert waiting_rows(boss()) == {
        "Images overdue": "/admin/imagery/generatedimage/?status__exact=queued",
        "Answers to review": "/admin/chat/review/",
    }
    assert waiting_rows(member("support")) == {"Images overdue": ""}


def waiting_rows(desk) -> dict[str, str]:
    groups = desk.get(START).context["waiting"]
    return {row["name"]: row["address"] for group in groups for row in group["rows"]}


def test_a_model_that_is_left_alone_says_so(monkeypatch) -> None:
    spend(make_alice(), "1", days_ago=0)
    monkeypatch.setattr(overview.breakers, "paused", lambda: ["openai/gpt-4o-mini"])
    assert "left alone now" in shown(boss().get(START))


def test_the_page_takes_the_same_queries_for_more_data(django_assert_max_num_queries) -> None:
    alice, desk = make_alice(), boss()
    for number in range(12):
        spend(alice, "1", days_ago=number)
        answered(alice)
    with django_assert_max_num_queries(75):
        desk.get(START)


def test_it_tells_how_many_answers_quote_and_how_rightly(django_assert_max_num_queries) -> None:
    desk, alice = boss(), make_alice()
    none = dict.fromkeys(("cut_quotations", "unknown_quotations", "impossible_references"), 0)
    end_turn(alice.pk, **none, genuine_quotations=3, altered_quotations=1, preset="*")
    end_turn(alice.pk, **none, genuine_quotations=0, altered_quotations=0, model="deepseek/deepseek-chat")
    with django_assert_max_num_queries(75):
        page = desk.get(START)
    part = page.context["quotations"]
    models, presets = (group["rows"] for group in part["groups"])

    assert [(each["answers"], each["share"], each["counts"]) for each in models] == [
        (1, "100 %", [3, 0, 1, 0, 0]), (1, "0 %", [0] * 5)]  # fmt: skip
    assert [each["name"] for each in presets] == ["People's own presets", "No preset"]
    assert part["charts"][0].rows[-1][1] == ["50 %"]
    assert "Genuine: 3 · Cut short: 0 · Altered: 1" in shown(page)


def test_strangers_don_t_see_it() -> None:
    assert signed_in(make_charlie()).get(START).status_code == 302


# --- Charts ---------------------------------------------------------------------------------------


def drawn(*values: float | None) -> charts.Chart:
    days = [timezone.now().date() + timedelta(days=number) for number in range(len(values))]
    return charts.draw("c", "C", days, [Series("A", "accent", values, str)], summary="")


@pytest.mark.parametrize("top", [0.00031, 0.7, 1, 3, 9.99, 10, 12, 99, 100, 1234, 8_000_000])
def test_scales_hold_every_value_with_few_round_marks(top) -> None:
    low, high, step = charts.scale(0, top)
    assert low == 0
    assert high >= top
    assert 2 <= round(high / step) <= 5


def test_scales_go_below_zero() -> None:
    low, high, _step = charts.scale(-3, 8)
    assert low <= -3
    assert high >= 8


def test_a_gap_parts_a_line_and_a_single_day_is_seen() -> None:
    assert drawn(1, None, 2, 3).lines[0].path.count("M") == 2
    assert "h6" in drawn(5).lines[0].path
    assert drawn(0, 0).is_empty


def test_the_table_behind_holds_every_value() -> None:
    assert [values for _day, values in drawn(1, None, 3).rows] == [["1"], ["–"], ["3"]]


def test_coordinates_are_no_words_of_a_language(settings) -> None:
    from django.utils import translation

    with translation.override("ar"):
        assert drawn(1.5, 2.25).lines[0].path.isascii()
