"""Any order of holds, settlements, releases, crashes, rollovers and plan changes keeps the books right."""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run

from billing import plans
from billing.amounts import MEASURES
from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit, Reservation
from billing.quota import Amounts, QuotaExceeded
from billing.reconcile import reconcile
from billing.tasks import release_expired_reservations
from tests.billing import held
from tests.people import make_user
from wisqu.api.ids import uuid7

ROUNDS = int(os.environ.get("STATEFUL_ROUNDS", "12"))  # 250 of them are ten thousand operations
STEPS = 40

AMOUNTS = st.builds(
    Amounts, messages=st.integers(0, 2), tokens=st.integers(0, 400), audio_seconds=st.integers(0, 90)
)
COSTS = st.none() | st.decimals(0, 2, places=12)


class Books(RuleBasedStateMachine):
    """One user on small plans, watched after every step."""

    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(datetime(2026, 1, 31, 12, tzinfo=UTC), tick=False)
        self.time = self.clock.start()
        self.user = make_user(f"{uuid7()}@example.org", "free")

    def teardown(self) -> None:
        self.clock.stop()

    @rule(target=keys, amounts=AMOUNTS, minutes=st.integers(1, 30))
    def reserve(self, amounts: Amounts, minutes: int) -> object:
        try:
            return held.hold(self.user, amounts, minutes=minutes)
        except QuotaExceeded:
            return multiple()

    @rule(target=keys, most=st.integers(0, 3_000), least=st.integers(0, 100))
    def reserve_at_its_most(self, most: int, least: int) -> object:
        amounts, at_least = Amounts(messages=1, tokens=most), Amounts(messages=1, tokens=min(most, least))
        try:
            return held.hold(self.user, amounts, at_least=at_least)
        except QuotaExceeded:
            return multiple()

    @rule(key=keys, charge=AMOUNTS, cost=COSTS, saved=COSTS)
    def settle(self, key: UUID, charge: Amounts, cost: Decimal | None, saved: Decimal | None) -> None:
        source = "unknown" if cost is None else "upstream"
        held.settle(key, charge, cost_usd=cost, cost_source=source, savings_usd=saved)

    @rule(key=keys, charge=AMOUNTS)
    def settle_after_the_sweep(self, key: UUID, charge: Amounts) -> None:
        held.release(key)
        held.settle(key, charge)

    @rule(key=keys)
    def release(self, key: UUID) -> None:
        held.release(key)

    @rule(key=consumes(keys))
    def crash(self, key: UUID) -> None:
        """Its process is gone: only the sweeper can end this hold."""

    @rule(minutes=st.integers(1, 40))
    def wait_and_sweep(self, minutes: int) -> None:
        self.time.shift(timedelta(minutes=minutes))
        release_expired_reservations()

    @rule(days=st.integers(20, 40))
    def roll_over(self, days: int) -> None:
        self.time.shift(timedelta(days=days))

    @rule(slug=st.sampled_from(["free", "premium"]))
    def change_plan(self, slug: str) -> None:
        plans.put_on(user_id=self.user.pk, plan=PlanLimit.objects.get(slug=slug))

    @rule(charge=AMOUNTS, cost=COSTS)
    def record(self, charge: Amounts, cost: Decimal | None) -> None:
        source = "unknown" if cost is None else "computed"
        held.record(self.user, charge, cost_usd=cost, cost_source=source)

    @rule(off_by=st.integers(-3, 3))
    def spoil_and_reconcile(self, off_by: int) -> None:
        period = MonthlyUsageQuota.objects.filter(user=self.user).first()
        if period is None:
            return
        spoiled = {"used_tokens": max(0, period.used_tokens + off_by), "held_messages": abs(off_by)}
        MonthlyUsageQuota.objects.filter(pk=period.pk).update(**spoiled)
        reconcile(repairs=True, made_by="a test", user_id=self.user.pk)

    @invariant()
    def counters_are_the_sums_of_their_rows(self) -> None:
        for period in MonthlyUsageQuota.objects.filter(user=self.user):
            mine = {"user": self.user, "period_start": period.period_start}
            entries = LedgerEntry.objects.filter(**mine)
            holds = Reservation.objects.filter(**mine, state="held")
            used = entries.aggregate(*(Sum(measure, default=0) for measure in MEASURES))
            now_held = holds.aggregate(*(Sum(measure, default=0) for measure in MEASURES))
            assert [period.used(m) for m in MEASURES] == list(used.values())
            assert [period.held(m) for m in MEASURES] == list(now_held.values())
            assert all(number >= 0 for number in (*used.values(), *now_held.values()))
            self._money_is_the_sum(period, list(entries))

    @staticmethod
    def _money_is_the_sum(period: MonthlyUsageQuota, entries: list[LedgerEntry]) -> None:
        # SQLite adds in binary floating point; there the counter is near, while the ledger is exact.
        slack = Decimal("1e-9") if connection.vendor == "sqlite" else Decimal(0)
        cost = sum((entry.cost_usd or Decimal(0) for entry in entries), Decimal(0))
        saved = sum((entry.savings_usd or Decimal(0) for entry in entries), Decimal(0))
        assert abs(period.cost_usd - cost) <= slack
        assert abs(period.cache_savings_usd - saved) <= slack

    @invariant()
    def every_settled_hold_has_its_entry(self) -> None:
        settled = Reservation.objects.filter(user=self.user, state="settled").values_list("key", flat=True)
        charged = LedgerEntry.objects.filter(user=self.user).exclude(reservation_key=None)
        assert set(settled) == set(charged.values_list("reservation_key", flat=True))


@pytest.mark.django_db
def test_the_books_stay_right_whatever_happens() -> None:
    held.limit_to("free", messages=12, tokens=3_000, audio_minutes=10)
    held.limit_to("premium", messages=40, tokens=None)

    # Shrinking a failure replays it hundreds of times, minutes of database work; the steps say enough.
    phases = [phase for phase in Phase if phase not in {Phase.shrink, Phase.explain}]
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    thorough = settings(max_examples=ROUNDS, stateful_step_count=STEPS, phases=phases)
    run(Books, settings=settings(thorough, deadline=None, database=None, suppress_health_check=checks))
