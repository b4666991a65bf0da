"""Hold, charge, let go: how use is counted so that no race admits more than the plan.

`reserve` takes what a piece of work may need before it begins, `settle` replaces the hold by the truth,
`release` gives it back. One conditional UPDATE decides each; nothing is read first and written after.
All of it runs inside the caller's transaction, so that the count and what it is for stand or fall together.
Lock order: the reservation's row, then the period's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from billing import ledger, warnings
from billing.amounts import MEASURES, NOTHING, Amounts
from billing.errors import QuotaExceeded
from billing.ledger import EntryFacts
from billing.models import (
    SECONDS_A_MINUTE,
    LedgerEntry,
    MonthlyUsageQuota,
    PlanLimit,
    Reservation,
    Subscription,
)
from billing.periods import Period
from billing.plans import shown_measure, subscription_for
from wisqu.api import rows, throttling
from wisqu.api.throttling import Allowance
from wisqu.telemetry import metrics

__all__ = ["Amounts", "EntryFacts", "QuotaExceeded", "record", "release", "reserve", "settle"]

# A hold that fails without a reason to show lost a race against a release; these many times in a row
# is no longer chance.
_ATTEMPTS = 5


def reserve(
    *,
    user_id: UUID,
    amounts: Amounts,
    key: UUID,
    lifetime: timedelta,
    subscription: Subscription | None = None,
    at_least: Amounts | None = None,
) -> Reservation:
    """Hold the amounts in the user's present period until settled, released or `lifetime` is over.

    `at_least` is what must still fit, where `amounts` are the most that it may become: what is held may then pass a
    limit, and the next one is refused until the truth is known. So cheap work is not refused for what it could have
    cost, and however much runs at once, only the last of it can pass the limit.
    `subscription` is the user's own from `subscription_for`, where the caller has it: it saves a query.
    A key holds once: using it again raises IntegrityError. Raises QuotaExceeded, having changed nothing.
    """
    _need_transaction()
    now = timezone.now()
    subscription = subscription or subscription_for(user_id)
    period = subscription.period(now)
    warnings.know(subscription.plan)
    wish = _Wish(user_id, subscription.plan, period, amounts, at_least or amounts)
    _tell_what_is_left(subscription.plan, period, _hold(wish))
    reservation = Reservation(
        key=key,
        user_id=user_id,
        period_start=period.start,
        plan=subscription.plan_id,
        created_at=now,
        expires_at=now + lifetime,
        **dict(amounts.items()),
    )
    rows.insert(reservation)
    return reservation


def settle(*, key: UUID, charge: Amounts, entry: EntryFacts) -> LedgerEntry:
    """Replace the hold by what was really used, in the period it was held in, and write the ledger entry.

    Idempotent: of many calls one charges, all return its entry. A hold that was released meanwhile (swept)
    is charged all the same. A generation that the ledger has already is not charged again.
    Raises Reservation.DoesNotExist for an unknown key.
    """
    _need_transaction()
    reservation = rows.find(Reservation, key=key)
    if reservation is None:
        raise Reservation.DoesNotExist
    was_held = _close(reservation, Reservation.State.HELD, Reservation.State.SETTLED)
    if not was_held and not _close(reservation, Reservation.State.RELEASED, Reservation.State.SETTLED):
        found = LedgerEntry.objects.filter(reservation_key=key).first() or _charged_before(entry)
        assert found, "a settled reservation has its entry"
        return found
    freed = reservation.amounts if was_held else NOTHING
    before = _charged_before(entry)
    if before:
        _change(reservation.user_id, reservation.period_start, freed=freed)
        return before
    written = ledger.write(
        user_id=reservation.user_id,
        plan=reservation.plan,
        period_start=reservation.period_start,
        charge=charge,
        facts=entry,
        reservation_key=key,
    )
    _change(reservation.user_id, reservation.period_start, freed=freed, written=written)
    return written


def looks(*, key: UUID, generation_id: str) -> Iterator[rows.Look]:
    """Name what `settle` and `release` look for, for `rows.foreseeing`."""
    yield rows.look(Reservation, key=key)
    if _is_unique(generation_id):
        yield rows.look(LedgerEntry, generation_id=generation_id)


def release(*, key: UUID) -> bool:
    """Give back what is held; False when there was nothing to give back (settled, released or unknown)."""
    _need_transaction()
    reservation = rows.find(Reservation, key=key)
    if reservation is None or not _close(reservation, Reservation.State.HELD, Reservation.State.RELEASED):
        return False
    _change(reservation.user_id, reservation.period_start, freed=reservation.amounts)
    return True


def record(*, user_id: UUID, charge: Amounts, entry: EntryFacts) -> LedgerEntry:
    """Charge what was used without a hold (a title, a second try), in the present period.

    Never refuses: the work is done and was paid for upstream. A generation is charged once.
    """
    _need_transaction()
    before = _charged_before(entry)
    if before:
        return before
    subscription = subscription_for(user_id)
    warnings.know(subscription.plan)
    period = subscription.period(timezone.now())
    written = ledger.write(
        user_id=user_id,
        plan=subscription.plan.slug,
        period_start=period.start,
        charge=charge,
        facts=entry,
        reservation_key=None,
    )
    _open_period(user_id, period)
    _change(user_id, period.start, freed=NOTHING, written=written)
    return written


def record_erased(*, user_id: UUID, entry: EntryFacts) -> LedgerEntry:
    """Book what work cost whose account was erased while it ran: nobody is left to charge, the cost stays true."""
    _need_transaction()
    return _charged_before(entry) or ledger.write(
        user_id=user_id,
        plan="",
        period_start=timezone.now(),
        charge=NOTHING,
        facts=entry,
        reservation_key=None,
    )


class _Wish(NamedTuple):
    """Whose period is to hold what, and what of it must fit."""

    user_id: UUID
    plan: PlanLimit
    period: Period
    amounts: Amounts
    at_least: Amounts

    @property
    def measures(self) -> list[str]:
        """The measures of which something is to be held."""
        return [measure for measure, _ in self.amounts.items()]


def _hold(wish: _Wish) -> dict[str, int]:
    """Add the amounts to what is held where every limit leaves room, and return what is taken of each measure.

    What was granted on top of the plan's limit is taken off. Raises QuotaExceeded.
    """
    where = {"user_id": wish.user_id, "period_start": wish.period.start}
    measures = wish.measures
    held = {f"held_{measure}": amount for measure, amount in wish.amounts.items()}
    room = {
        # What has to fit is less than what is added: the limit is moved by the difference.
        (f"used_{measure}", f"held_{measure}", f"-extra_{measure}"): limit
        + amount
        - getattr(wish.at_least, measure)
        for measure, amount in wish.amounts.items()
        if (limit := wish.plan.limit(measure)) is not None
    }
    for _ in range(_ATTEMPTS):
        if not held:
            return {}
        columns = [f"{kind}_{measure}" for measure in measures for kind in ("used", "held", "extra")]
        found = rows.add_and_read(MonthlyUsageQuota, held, where=where, up_to=room, reading=columns)
        if found is not None:
            each = zip(measures, found[::3], found[1::3], found[2::3], strict=True)
            return {measure: used + waiting - extra for measure, used, waiting, extra in each}
        quota = MonthlyUsageQuota.objects.filter(**where).first()
        if quota is None:
            _open_period(wish.user_id, wish.period)
        else:
            _explain(quota, wish)
    raise RuntimeError("a usage period kept changing under a reservation")


def _explain(quota: MonthlyUsageQuota, wish: _Wish) -> None:
    """Raise QuotaExceeded for the first measure without room; return when there is room by now."""
    for measure in wish.measures:
        limit = quota.limit(wish.plan, measure)
        taken = quota.used(measure) + quota.held(measure)
        if limit is not None and taken + getattr(wish.at_least, measure) > limit:
            extra = int(getattr(quota, f"extra_{measure}"))
            _tell_what_is_left(wish.plan, wish.period, {measure: taken - extra})
            metrics.QUOTA_REFUSALS.labels(measure).inc()
            raise QuotaExceeded(
                measure=measure,
                limit=limit,
                remaining=max(0, limit - taken),
                resets_at=quota.period_end,
                is_held=quota.used(measure) + getattr(wish.at_least, measure) <= limit,
            )


def _tell_what_is_left(plan: PlanLimit, period: Period, taken: Mapping[str, int]) -> None:
    """Let the answer's headers tell what is left of each measure, and until when that holds."""
    for measure, amount in taken.items():
        limit = plan.limit(measure)
        if limit is not None:
            allowance = Allowance(
                name=_header_name(measure),
                quota=limit // _unit(measure),
                left=max(0, limit - amount) // _unit(measure),
                window_s=round((period.end - period.start).total_seconds()),
                resets_in_s=max(0, math.ceil((period.end - timezone.now()).total_seconds())),
            )
            throttling.note(allowance)


def _correct_what_is_left(plan: PlanLimit, measure: str, taken: int) -> None:
    """Tell the truth where the request that held it still waits for its answer."""
    limit = plan.limit(measure)
    if limit is not None:
        throttling.correct(_header_name(measure), left=max(0, limit - taken) // _unit(measure))


def _header_name(measure: str) -> str:
    return shown_measure(measure).replace("_", "-")


def _unit(measure: str) -> int:
    return SECONDS_A_MINUTE if measure == "audio_seconds" else 1


def _open_period(user_id: UUID, period: Period) -> None:
    """Make the period's row; somebody else may have made it first, which is as good."""
    row = MonthlyUsageQuota(user_id=user_id, period_start=period.start, period_end=period.end)
    MonthlyUsageQuota.objects.bulk_create([row], ignore_conflicts=True)


def _close(reservation: Reservation, state: Reservation.State, closed: Reservation.State) -> bool:
    """Move the reservation on if it is in the state; True for the one caller who did."""
    return rows.change(
        Reservation,
        {"state": closed, "closed_at": timezone.now()},
        where={"key": reservation.key, "state": state},
    )


def _change(
    user_id: UUID, period_start: datetime, *, freed: Amounts, written: LedgerEntry | None = None
) -> None:
    """Free what was held and add what the new entry charges: one UPDATE, which tells where that leaves the counters."""
    changes: dict[str, Any] = {f"held_{measure}": -amount for measure, amount in freed.items()}
    charged = [measure for measure in MEASURES if getattr(written, measure, 0)]
    for measure in charged:
        changes[f"used_{measure}"] = getattr(written, measure)
    if written and written.cost_usd:
        changes["cost_usd"] = written.cost_usd
    if written and written.savings_usd:
        changes["cache_savings_usd"] = written.savings_usd
    if not changes:
        return
    columns = [f"{kind}_{measure}" for kind in ("used", "held", "extra") for measure in charged]
    where = {"user_id": user_id, "period_start": period_start}
    found = rows.add_and_read(MonthlyUsageQuota, changes, where=where, reading=columns)
    assert found is not None, "a reservation has its period"
    plan = warnings.known_plan(written.plan) if written and charged else None
    if plan is not None:
        count = len(charged)
        used = dict(zip(charged, found, strict=False))
        held = dict(zip(charged, found[count:], strict=False))
        extra = dict(zip(charged, found[2 * count :], strict=True))
        warnings.check(user_id=user_id, period_start=period_start, plan=plan, used=used, extra=extra)
        for measure in charged:
            _correct_what_is_left(plan, measure, used[measure] + held[measure] - extra[measure])


def _charged_before(entry: EntryFacts) -> LedgerEntry | None:
    """Return the entry of the same generation."""
    if not _is_unique(entry.generation_id):
        return None
    return rows.find(LedgerEntry, generation_id=entry.generation_id)


def _is_unique(generation_id: str) -> bool:
    """Tell whether it is one of OpenRouter's ids, which alone promise to be unique."""
    return generation_id.startswith("gen-")


def _need_transaction() -> None:
    if not connection.in_atomic_block:
        raise TransactionManagementError("Quota changes belong into the transaction of what they are for.")
