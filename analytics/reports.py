"""Every number of the business, once: the API, the console and the exports all ask here.

Sources are the daily sums of the ledger and of how turns ended, with what is newer read live (`analytics.books`), the
receipts of billing, and the tables of people and conversations. What the numbers mean is told by `analytics.results`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from analytics import measures, plancounts, ranking, revenue
from analytics.attention import quota_pressure, waiting
from analytics.books import Books, Condition, steadily
from analytics.days import DEFAULT_DAYS, Days, Granularity, step_of, today
from analytics.figures import added, id_of, merged, usd
from analytics.latencies import Spread
from analytics.quoting import quotation_checks
from analytics.results import (
    CacheFigures,
    CacheReport,
    FallbackMove,
    ModelReport,
    ModelStep,
    ModelUsage,
    PlanShare,
    PlanStep,
    QuotaPressure,
    QuotationFigures,
    QuotationReport,
    SystemStats,
    TopUser,
    Trend,
    TrendPoint,
    UserStep,
    Waiting,
    share,
)
from analytics.rollups import mark_of
from analytics.series import model_series, plan_series, user_series
from analytics.sums import LATENCY, TURNS, USAGE, WORDS
from billing.models import PlanLimit
from chat.models import Conversation
from presets import catalogue
from wisqu.accounts.models import User

__all__ = [
    "DEFAULT_DAYS",
    "MEASURES",
    "RANKINGS",
    "CacheFigures",
    "CacheReport",
    "Days",
    "FallbackMove",
    "Granularity",
    "ModelReport",
    "ModelStep",
    "ModelUsage",
    "PlanShare",
    "PlanStep",
    "QuotaPressure",
    "QuotationFigures",
    "QuotationReport",
    "SystemStats",
    "TopUser",
    "Trend",
    "TrendPoint",
    "UserStep",
    "Waiting",
    "cache_performance",
    "model_series",
    "model_usage",
    "plan_distribution",
    "plan_series",
    "quota_pressure",
    "quotation_checks",
    "system_stats",
    "today",
    "top_users",
    "usage_trends",
    "user_series",
    "user_usage",
    "waiting",
]

MEASURES = measures.NAMES
# What users are ranked by, and the sum behind it.
RANKINGS = {"cost": "cost_pico", "messages": "messages", "tokens": "tokens", "savings": "savings_pico"}
_PERSON = ("calls", "messages", "tokens", "images", "cost_pico", "savings_pico", "turns", "failed_turns")


def system_stats(days: Days) -> SystemStats:
    """Return the figures of the whole business in the days."""
    return steadily(lambda books: _system_stats(books, days))


def _system_stats(books: Books, days: Days) -> SystemStats:
    [used] = books.sums(USAGE, days, [name for name in USAGE.columns if name not in ("prompts", "hits")])
    [turned] = books.sums(TURNS, days, ("turns", "failed_turns", "fallbacks"))
    spread = Spread(books.sums(LATENCY, days, LATENCY.columns, by=("milliseconds",)))
    active_day, active_7_days, active_30_days = books.active(days.last)
    joined = Count("pk", filter=Q(joined_at__gte=days.begin, joined_at__lt=days.end))
    people = User.objects.order_by().aggregate(users=Count("pk"), new_users=joined)
    paid = revenue.receipts(days, by=())
    return SystemStats(
        first=days.first,
        last=days.last,
        **people,
        active_day=active_day,
        active_7_days=active_7_days,
        active_30_days=active_30_days,
        # Ids tell when a conversation was begun: the key's own index counts them.
        conversations=Conversation.objects.filter(
            id__gte=mark_of(days.begin), id__lt=mark_of(days.end)
        ).count(),
        **{name: used[name] for name in _PLAIN},
        **turned,
        cached_tokens_read=used["cached_read"],
        cached_tokens_written=used["cached_written"],
        audio_minutes=used["audio_seconds"] / 60,
        cost_usd=usd(used["cost_pico"]),
        savings_usd=usd(used["savings_pico"]),
        revenue_usd=revenue.in_usd(paid),
        revenue_elsewhere=revenue.elsewhere(paid),
        **spread.figures(),
    )


_PLAIN = ("messages", "calls", "tokens", "prompt_tokens", "completion_tokens", "reasoning_tokens", "images",
          "documents", "unknown_costs")  # fmt: skip


def plan_distribution(days: Days) -> list[PlanShare]:
    """Return each plan, the smallest first, then those that only the ledger remembers."""
    return steadily(lambda books: _plan_distribution(books, days))


def _plan_distribution(books: Books, days: Days) -> list[PlanShare]:
    columns = ("calls", "messages", "tokens", "images", "cost_pico", "savings_pico")
    used = {row["plan"]: row for row in books.sums(USAGE, days, columns, by=("plan",))}
    people = plancounts.count()
    users = sum(each.users for each in people.values())
    paid: dict[str, list[revenue.Receipts]] = defaultdict(list)
    for each in revenue.receipts(days, by=("plan",)):
        paid[each.plan].append(each)
    names = dict(PlanLimit.objects.values_list("slug", "name"))
    found = []
    for plan in dict.fromkeys((*names, *sorted(used), *sorted(paid))):
        row, there = used.get(plan, dict.fromkeys(columns, 0)), people.get(plan, plancounts.NOBODY)
        found.append(
            PlanShare(
                plan=plan,
                name=names.get(plan, plan),
                users=there.users,
                paying=there.paying,
                user_share=share(there.users, users),
                **{name: row[name] for name in columns[:4]},
                cost_usd=usd(row["cost_pico"]),
                savings_usd=usd(row["savings_pico"]),
                revenue_usd=revenue.in_usd(paid[plan]),
            )
        )
    return found


def usage_trends(
    days: Days, *, measures_wanted: Sequence[str] = (), granularity: Granularity = Granularity.DAY
) -> Trend:
    """Return the measures (of MEASURES; all of them when none is named) for each step of the days.

    Raises KeyError for a measure that there is not.
    """
    wanted = tuple(measures_wanted) or MEASURES
    return steadily(lambda books: measures.trend(books, days, wanted, granularity))


def top_users(days: Days, *, by: str = "cost", limit: int = 20) -> list[TopUser]:
    """Return those who used most, ranked by one of RANKINGS; of equals the one who joined first."""
    return steadily(lambda books: _top_users(books, days, RANKINGS[by], limit))


def _top_users(books: Books, days: Days, column: str, limit: int) -> list[TopUser]:
    return _described(books, days, ranking.most(books, days, column, limit))


def user_usage(user_ids: Iterable[UUID], days: Days) -> dict[UUID, TopUser]:
    """Return what each of these users did in the days; who did nothing is missing."""
    return steadily(lambda books: {each.user_id: each for each in _described(books, days, list(user_ids))})


def _described(books: Books, days: Days, user_ids: Sequence[UUID]) -> list[TopUser]:
    """Return the users in this order with their sums."""
    if not user_ids:
        return []
    rows = {row["user_id"]: row for row in books.people(days, _PERSON, user_ids)}
    emails = dict(User.objects.filter(pk__in=user_ids).values_list("pk", "email"))
    plans = plancounts.plans_of(user_ids)
    return [
        TopUser(
            user_id=each,
            email=emails.get(each, ""),
            plan=plans.get(each, "") if each in emails else "",
            cost_usd=usd(row["cost_pico"]),
            savings_usd=usd(row["savings_pico"]),
            last_day=row["last_day"],
            **{name: row[name] for name in _PERSON if not name.endswith("_pico")},
        )
        for each in user_ids
        if (row := rows.get(each))
    ]


def model_usage(days: Days) -> ModelReport:
    """Return what each model did, and who helped out whom. Dated names of a model count as the model."""
    return steadily(lambda books: _model_usage(books, days))


_CALLS = ("calls", "messages", "tokens", "prompt_tokens", "completion_tokens", "cached_read", "cached_written",
          "images", "cost_pico", "unknown_costs", "savings_pico")  # fmt: skip


def _model_usage(books: Books, days: Days) -> ModelReport:
    used = merged(books.sums(USAGE, days, _CALLS, by=("model",)), _CALLS)
    columns = ("attempts", "failed_attempts", "fallbacks")
    pairs = books.sums(TURNS, days, columns, by=("asked", "model"))
    tried = merged(pairs, columns)
    spreads: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in books.sums(LATENCY, days, LATENCY.columns, by=("model", "milliseconds")):
        spreads[id_of(row["model"])].append(row)
    moves: dict[tuple[str, str], int] = defaultdict(int)
    for row in pairs:
        moves[id_of(row["asked"]), id_of(row["model"])] += row["fallbacks"]
    moved = [
        FallbackMove(asked=one, answered_by=other, turns=turns)
        for (one, other), turns in moves.items()
        if turns
    ]
    left: dict[str, int] = defaultdict(int)
    for move in moved:
        left[move.asked] += move.turns
    models = [
        _model(model, used.get(model, {}), tried.get(model, {}), left[model], Spread(spreads[model]))
        for model in {*used, *tried, *left}
    ]
    models.sort(key=lambda each: (-each.cost_usd, -each.calls, -each.attempts, each.model))
    return ModelReport(models=models, moves=sorted(moved, key=lambda move: (-move.turns, move.asked)))


def _model(
    model: str, used: Mapping[str, int], tried: Mapping[str, int], left: int, spread: Spread
) -> ModelUsage:
    known = catalogue.get(model)
    return ModelUsage(
        model=model,
        name=known.name if known else model,
        cached_tokens_read=used.get("cached_read", 0),
        cached_tokens_written=used.get("cached_written", 0),
        cost_usd=usd(used.get("cost_pico", 0)),
        savings_usd=usd(used.get("savings_pico", 0)),
        **{name: used.get(name, 0) for name in ("calls", "messages", "tokens", "prompt_tokens",
                                                "completion_tokens", "images", "unknown_costs")},
        attempts=tried.get("attempts", 0),
        failed_attempts=tried.get("failed_attempts", 0),
        fallbacks_from=left,
        fallbacks_to=tried.get("fallbacks", 0),
        **spread.figures(),
    )  # fmt: skip


def cache_performance(days: Days, *, granularity: Granularity = Granularity.DAY) -> CacheReport:
    """Return what prompt caching did, and what it would have saved where it was off."""
    return steadily(lambda books: _cache_performance(books, days, granularity))


_CACHED = ("prompts", "hits", "prompt_tokens", "cached_read", "cached_written", "cost_pico", "savings_pico")
_MISSED = ("uncached_turns", "missed_pico")


def _cache_performance(books: Books, days: Days, granularity: Granularity) -> CacheReport:
    columns = (*_CACHED, *_MISSED)

    def rows(by: str) -> list[dict[str, Any]]:
        used = books.sums(USAGE, days, _CACHED, by=(by,), where=Condition(WORDS))
        return [*used, *books.sums(TURNS, days, _MISSED, by=(by,))]

    of_days = rows("day")
    steps = added(((step_of(row["day"], granularity), row) for row in of_days), columns)
    total = added((("", row) for row in of_days), columns).get("", {})
    models = merged(rows("model"), columns)
    return CacheReport(
        total=_cache_figures(total),
        models=sorted(
            (_cache_figures(row, model=model) for model, row in models.items()),
            key=lambda each: (-each.savings_usd, each.model),
        ),
        days=[_cache_figures(steps.get(step, {}), day=step) for step in days.steps(granularity)],
    )


def _cache_figures(row: Mapping[str, int], **of: Any) -> CacheFigures:
    return CacheFigures(
        **of,
        requests=row.get("prompts", 0),
        hits=row.get("hits", 0),
        prompt_tokens=row.get("prompt_tokens", 0),
        cached_tokens_read=row.get("cached_read", 0),
        cached_tokens_written=row.get("cached_written", 0),
        cost_usd=usd(row.get("cost_pico", 0)),
        savings_usd=usd(row.get("savings_pico", 0)),
        uncached_turns=row.get("uncached_turns", 0),
        missed_savings_usd=usd(row.get("missed_pico", 0)),
    )
