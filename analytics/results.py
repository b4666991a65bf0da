"""What the reports tell, as values. Money is exact, in USD; shares run from 0 to 1; None is what nobody can know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

Number = int | float | Decimal | None


def share(part: int | Decimal, whole: int | Decimal) -> float | None:
    """Return the part of the whole; None where there is no whole."""
    return float(part / whole) if whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemStats:
    """The business in a range of days. `active_*` end with its last day: on it, in the 7 and in the 30 days up to it.

    `turns` were asked for; `messages` were charged. `conversations` are those of the range that are still kept.
    `revenue_usd` is what was paid in USD, without taxes, on the day it was paid; `revenue_elsewhere` what was paid in
    other currencies. Latencies are off by 5 % at most.
    """

    first: date
    last: date
    users: int
    new_users: int
    active_day: int
    active_7_days: int
    active_30_days: int
    conversations: int
    messages: int
    turns: int
    calls: int
    tokens: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens_read: int
    cached_tokens_written: int
    images: int
    documents: int
    audio_minutes: float
    cost_usd: Decimal
    unknown_costs: int
    revenue_usd: Decimal
    revenue_elsewhere: dict[str, Decimal]
    savings_usd: Decimal
    failed_turns: int
    fallbacks: int
    first_token_p50_ms: int | None
    first_token_p95_ms: int | None
    total_p50_ms: int | None
    total_p95_ms: int | None

    @property
    def margin_usd(self) -> Decimal:
        """What is left of the revenue."""
        return self.revenue_usd - self.cost_usd

    @property
    def margin_rate(self) -> float | None:
        """The share of the revenue that is left."""
        return share(self.margin_usd, self.revenue_usd)

    @property
    def savings_rate(self) -> float | None:
        """What caching saved of what everything would have cost without it."""
        return share(self.savings_usd, self.cost_usd + self.savings_usd)

    @property
    def error_rate(self) -> float | None:
        """The share of turns that failed."""
        return share(self.failed_turns, self.turns)

    @property
    def fallback_rate(self) -> float | None:
        """The share of turns that another model answered than was wanted."""
        return share(self.fallbacks, self.turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanShare:
    """One plan. `users` are on it now; `paying` of them pay for it; the rest is of the range."""

    plan: str
    name: str
    users: int
    paying: int
    user_share: float | None
    calls: int
    messages: int
    tokens: int
    images: int
    revenue_usd: Decimal
    cost_usd: Decimal
    savings_usd: Decimal

    @property
    def margin_usd(self) -> Decimal:
        """What is left of the revenue."""
        return self.revenue_usd - self.cost_usd

    @property
    def margin_rate(self) -> float | None:
        """The share of the revenue that is left."""
        return share(self.margin_usd, self.revenue_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One step of a series: its first day, and the value of each measure; None where there is nothing to divide."""

    start: date
    values: dict[str, Number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A series of measures, a point for each step, those without any use included."""

    granularity: str
    measures: tuple[str, ...]
    points: list[TrendPoint]

    def series(self, measure: str) -> list[Number]:
        """Return the values of one measure, in order."""
        return [point.values[measure] for point in self.points]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUser:
    """One of those who used most. `email` and `plan` (as of now) are empty for an erased account."""

    user_id: UUID
    email: str
    plan: str
    calls: int
    messages: int
    tokens: int
    images: int
    cost_usd: Decimal
    savings_usd: Decimal
    turns: int
    failed_turns: int
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """One model. `attempts` are turns in which it was asked, `failed_attempts` those it did not answer.

    `fallbacks_from` wanted it and were answered by another; `fallbacks_to` wanted another and were answered by it.
    """

    model: str
    name: str
    calls: int
    messages: int
    tokens: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens_read: int
    cached_tokens_written: int
    images: int
    cost_usd: Decimal
    unknown_costs: int
    savings_usd: Decimal
    attempts: int
    failed_attempts: int
    fallbacks_from: int
    fallbacks_to: int
    first_token_p50_ms: int | None
    first_token_p95_ms: int | None
    total_p50_ms: int | None
    total_p95_ms: int | None

    @property
    def failure_rate(self) -> float | None:
        """The share of attempts that failed."""
        return share(self.failed_attempts, self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackMove:
    """How many turns wanted one model and were answered by another."""

    asked: str
    answered_by: str
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """All models that were used, the dearest first, and who helped out whom, the most frequent first."""

    models: list[ModelUsage]
    moves: list[FallbackMove]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFigures:
    """What prompt caching did: in all, for one model or on one day (`model`, `day` tell which).

    `requests` are calls with a prompt, `hits` those that read from a cache. `uncached_turns` are those with a model
    that would have cached if it had been allowed to, `missed_savings_usd` what that would have saved: an estimate.
    """

    model: str = ""
    day: date | None = None
    requests: int = 0
    hits: int = 0
    prompt_tokens: int = 0
    cached_tokens_read: int = 0
    cached_tokens_written: int = 0
    cost_usd: Decimal = Decimal(0)
    savings_usd: Decimal = Decimal(0)
    uncached_turns: int = 0
    missed_savings_usd: Decimal = Decimal(0)

    @property
    def hit_rate(self) -> float | None:
        """The share of requests that read from a cache."""
        return share(self.hits, self.requests)

    @property
    def cost_without_cache_usd(self) -> Decimal:
        """What it would have cost without caching."""
        return self.cost_usd + self.savings_usd

    @property
    def savings_rate(self) -> float | None:
        """What was saved of that."""
        return share(self.savings_usd, self.cost_without_cache_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheReport:
    """Prompt caching in all, by model (what saved most first), and by step of days."""

    total: CacheFigures
    models: list[CacheFigures] = field(default_factory=list)
    days: list[CacheFigures] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One plan in one step of days, which begins with `start`."""

    start: date
    plan: str
    calls: int
    messages: int
    tokens: int
    images: int
    revenue_usd: Decimal
    cost_usd: Decimal
    savings_usd: Decimal

    @property
    def margin_usd(self) -> Decimal:
        """What is left of the revenue."""
        return self.revenue_usd - self.cost_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStep:
    """One model in one step of days."""

    start: date
    model: str
    calls: int
    tokens: int
    cost_usd: Decimal
    savings_usd: Decimal
    attempts: int
    failed_attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStep:
    """One user in one step of days."""

    start: date
    user_id: UUID
    calls: int
    messages: int
    tokens: int
    cost_usd: Decimal
    savings_usd: Decimal
    turns: int
    failed_turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaPressure:
    """Somebody near, at or beyond a limit of the present usage period; `measure` in the unit of the plan."""

    user_id: UUID
    email: str
    plan: str
    measure: str
    used: int
    limit: int

    @property
    def percent(self) -> int:
        """How much of the limit is gone; may pass 100."""
        return 100 * self.used // self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Work for staff, or for machines that don't get on with it: how many of what, and since when the oldest waits.

    `what` is one of the names in `analytics.attention`.
    """

    what: str
    count: int
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotationFigures:
    """What the checks of answers found. Every quotation has one verdict; `not_found` is the verdict `unknown`.

    `answers` were checked: whole or stopped ones that a model wrote. `quoting` of them quote the Qur'an at least once,
    as it is or not. In the versions that are shown: where one was mended, the second.
    """

    model: str = ""
    preset: str = ""
    day: date | None = None
    answers: int
    quoting: int
    genuine: int
    cut: int
    altered: int
    not_found: int
    impossible: int

    @property
    def quoting_share(self) -> float | None:
        """Answers with quotations, of all that were checked."""
        return share(self.quoting, self.answers)

    @property
    def quotations(self) -> int:
        """How many quotations there were."""
        return self.genuine + self.cut + self.altered + self.not_found

    @property
    def genuine_share(self) -> float | None:
        """Genuine quotations, of all."""
        return share(self.genuine, self.quotations)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotationReport:
    """What the checks found in all, by model and by preset (those that quoted most first), and in each step of days.

    A preset is the slug of a published one, "*" for all that people made for themselves, empty where there was none.
    """

    total: QuotationFigures
    models: list[QuotationFigures]
    presets: list[QuotationFigures]
    days: list[QuotationFigures]
