"""The reports by steps of days: what each plan, model or user came to in each step that has anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from analytics import revenue
from analytics.books import Books, steadily
from analytics.days import Days, Granularity, step_of
from analytics.figures import added, id_of, usd
from analytics.results import ModelStep, PlanStep, UserStep
from analytics.sums import TURNS, USAGE

_PLAN = ("calls", "messages", "tokens", "images", "cost_pico", "savings_pico")
_MODEL = ("calls", "tokens", "cost_pico", "savings_pico")
_TRIED = ("attempts", "failed_attempts")
_USER = ("calls", "messages", "tokens", "cost_pico", "savings_pico", "turns", "failed_turns")


def plan_series(days: Days, granularity: Granularity) -> list[PlanStep]:
    """Return each plan's figures in each step, in order of time, then of plans."""
    return steadily(lambda books: _plan_series(books, days, granularity))


def _plan_series(books: Books, days: Days, granularity: Granularity) -> list[PlanStep]:
    rows = books.sums(USAGE, days, _PLAN, by=("day", "plan"))
    used = added((((step_of(row["day"], granularity), row["plan"]), row) for row in rows), _PLAN)
    paid: dict[Any, list[revenue.Receipts]] = defaultdict(list)
    for each in revenue.receipts(days):
        paid[step_of(each.day, granularity), each.plan].append(each)
    found = []
    for start, plan in sorted({*used, *paid}):
        row = used.get((start, plan), dict.fromkeys(_PLAN, 0))
        found.append(
            PlanStep(
                start=start,
                plan=plan,
                **_without_money(row),
                cost_usd=usd(row["cost_pico"]),
                savings_usd=usd(row["savings_pico"]),
                revenue_usd=revenue.in_usd(paid[start, plan]),
            )
        )
    return found


def model_series(days: Days, granularity: Granularity) -> list[ModelStep]:
    """Return each model's figures in each step, in order of time, then of names."""
    return steadily(lambda books: _model_series(books, days, granularity))


def _model_series(books: Books, days: Days, granularity: Granularity) -> list[ModelStep]:
    rows = [
        *books.sums(USAGE, days, _MODEL, by=("day", "model")),
        *books.sums(TURNS, days, _TRIED, by=("day", "model")),
    ]
    steps = added(
        (((step_of(row["day"], granularity), id_of(row["model"])), row) for row in rows), (*_MODEL, *_TRIED)
    )
    return [
        ModelStep(
            start=start,
            model=model,
            **_without_money(row),
            cost_usd=usd(row["cost_pico"]),
            savings_usd=usd(row["savings_pico"]),
        )
        for (start, model), row in sorted(steps.items())
    ]


def user_series(user_ids: Sequence[UUID], days: Days, granularity: Granularity) -> list[UserStep]:
    """Return the figures of these users in each step in which they did anything, in order of time."""
    if not user_ids:
        return []
    return steadily(lambda books: _user_series(books, user_ids, days, granularity))


def _user_series(
    books: Books, user_ids: Iterable[UUID], days: Days, granularity: Granularity
) -> list[UserStep]:
    rows = books.people(days, _USER, list(user_ids), by=("user_id", "day"))
    steps = added((((step_of(row["day"], granularity), row["user_id"]), row) for row in rows), _USER)
    return [
        UserStep(
            start=start,
            user_id=user_id,
            **_without_money(row),
            cost_usd=usd(row["cost_pico"]),
            savings_usd=usd(row["savings_pico"]),
        )
        for (start, user_id), row in sorted(steps.items())
    ]


def _without_money(row: dict[str, int]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.endswith("_pico")}
