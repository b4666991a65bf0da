"""Hold, charge, let go: how use is counted so that no race admits more than the plan.

`reserve` takes what a piece of work may need before it begins, `settle` replaces the hold by the truth,
`release` gives it back. One conditional UPDATE decides each; nothing is read first and written after.
All of it runs inside the caller's transaction, so that the count and what it is for stand or fall together.
Lock order: the reservation's row, then the period's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from billing import ledger
from billing.amounts import MEASURES, NOTHING, Amounts
from billing.errors import QuotaExceeded
from billing.ledger import EntryFacts
from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit, Reservation, Subscription
from billing.periods import Period
from billing.plans import subscription_for
from wisqu.api import rows

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
) -> Reservation:
    """Hold the amounts in the user's present period until settled, released or `lifetime` is over.

    `subscription` is the user's own from `subscription_for`, where the caller has it: it saves a query.
    A key holds once: using it again raises IntegrityError. Raises QuotaExceeded, having changed nothing.
    """
    _need_transaction()
    now = timezone.now()
    subscription = subscription or subscription_for(user_id)
    period = subscription.period(now)
    _hold(user_id=user_id, plan=subscription.plan, period=period, amounts=amounts)
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


def release(*, key: UUID) -> bool:
    """Give back what is held; False when there was nothing to give back (settled, released or unknown)."""
    _need_transaction()
    reservation = Reservation.objects.filter(key=key).first()
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


def _hold(*, user_id: UUID, plan: PlanLimit, period: Period, amounts: Amounts) -> None:
    """Add the amounts to what is held where every limit leaves room; else raise QuotaExceeded."""
    where = {"user_id": user_id, "period_start": period.start}
    held = {f"held_{measure}": amount for measure, amount in amounts.items()}
    room = {
        (f"used_{measure}", f"held_{measure}"): limit
        for measure, _ in amounts.items()
        if (limit := plan.limit(measure)) is not None
    }
    for _ in range(_ATTEMPTS):
        if not held or rows.add(MonthlyUsageQuota, held, where=where, up_to=room):
            return
        quota = MonthlyUsageQuota.objects.filter(**where).first()
        if quota is None:
            _open_period(user_id, period)
        else:
            _explain(quota, plan=plan, amounts=amounts)
    raise RuntimeError("a usage period kept changing under a reservation")


def _explain(quota: MonthlyUsageQuota, *, plan: PlanLimit, amounts: Amounts) -> None:
    """Raise QuotaExceeded for the first measure without room; return when there is room by now."""
    for measure, amount in amounts.items():
        limit = plan.limit(measure)
        taken = quota.used(measure) + quota.held(measure)
        if limit is not None and taken + amount > limit:
            raise QuotaExceeded(
                measure=measure, plan=plan, remaining=max(0, limit - taken), resets_at=quota.period_end
            )


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
    """Free what was held and add what the new entry charges: one UPDATE."""
    changes: dict[str, Any] = {f"held_{measure}": -amount for measure, amount in freed.items()}
    if written:
        for measure in MEASURES:
            if amount := getattr(written, measure):
                changes[f"used_{measure}"] = amount
        if written.cost_usd:
            changes["cost_usd"] = written.cost_usd
        if written.savings_usd:
            changes["cache_savings_usd"] = written.savings_usd
    if changes:
        where = {"user_id": user_id, "period_start": period_start}
        assert rows.add(MonthlyUsageQuota, changes, where=where), "a reservation has its period"


def _charged_before(entry: EntryFacts) -> LedgerEntry | None:
    """Return the entry of the same generation; only OpenRouter's ids promise to be unique."""
    if not entry.generation_id.startswith("gen-"):
        return None
    return rows.find(LedgerEntry, generation_id=entry.generation_id)


def _need_transaction() -> None:
    if not connection.in_atomic_block:
        raise TransactionManagementError("Quota changes belong into the transaction of what they are for.")
