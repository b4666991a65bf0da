"""Plans as they were: each change makes a version, and tells beforehand whom it touches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.amounts import MEASURES
from billing.models import SECONDS_A_MINUTE, Feature, MonthlyUsageQuota, PlanLimit, Subscription
from console.models import PlanVersion

SKIPPED = ("slug", "updated_at")
FIELDS = tuple(field.name for field in PlanLimit._meta.concrete_fields if field.name not in SKIPPED)


@dataclass(frozen=True, slots=True)
class Change:
    """One value of a plan: its name, and what it is changed from and to, as people read it."""

    name: str
    label: str
    before: str
    after: str


@dataclass(slots=True)
class Preview:
    """What a change does: to how many people, and whom it stops at once. `stopped` holds measures with numbers."""

    people: int
    paying: int
    changes: list[Change]
    stopped: list[tuple[str, int]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    is_price: bool = False


def values_of(plan: PlanLimit) -> dict[str, Any]:
    """Return every value of a plan as JSON can hold it."""
    return {name: _plain(getattr(plan, name)) for name in FIELDS}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int) else str(value)


def digest(values: Mapping[str, Any]) -> str:
    """Return a short text that stands for exactly these values."""
    text = json.dumps({name: _plain(values.get(name)) for name in FIELDS}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what differs between two sets of values, in the order of the form."""
    found = []
    for name in FIELDS:
        if name in after and _plain(before.get(name)) != _plain(after[name]):
            label = str(PlanLimit._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
            found.append(Change(name, label, said(before.get(name)), said(after[name])))
    return found


def said(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return _("without limit")
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return f"{value:,}" if isinstance(value, int) else str(value)


def preview(plan: PlanLimit, after: Mapping[str, Any]) -> Preview:
    """Return whom the new values touch. `plan` is as it is stored."""
    before = values_of(plan)
    mine = Subscription.objects.filter(plan=plan.slug, status__in=Subscription.GRANTING)
    changes = differences(before, after)
    names = {change.name for change in changes}
    return Preview(
        people=mine.count(),
        paying=mine.exclude(provider="").count(),
        changes=changes,
        stopped=[
            (_label(name), count)
            for name in _limits()
            if name in names and (count := _stopped(plan, name, after))
        ],
        lost=[str(each.label) for each in Feature if each.value in names and not after[each.value]],
        is_price=bool(names & {"price_usd", "price_usd_year"}),
    )


def _limits() -> dict[str, str]:
    """Return the plan's limits with the measure that each is of."""
    return {"audio_minutes" if measure == "audio_seconds" else measure: measure for measure in MEASURES}


def _label(name: str) -> str:
    return str(PlanLimit._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def _stopped(plan: PlanLimit, name: str, after: Mapping[str, Any]) -> int:
    """Return how many people of the plan have used by now what the new limit holds, and not the old one."""
    measure, old, new = _limits()[name], getattr(plan, name), after[name]
    if new is None:
        return 0
    unit = SECONDS_A_MINUTE if measure == "audio_seconds" else 1
    now = timezone.now()
    rows = MonthlyUsageQuota.objects.filter(
        user__subscription__plan=plan.slug,
        user__subscription__status__in=Subscription.GRANTING,
        period_start__lte=now,
        period_end__gt=now,
    )
    extra = F(f"extra_{measure}")
    reached = rows.filter(**{f"used_{measure}__gte": extra + new * unit})
    if old is not None:
        reached = reached.filter(**{f"used_{measure}__lt": extra + old * unit})
    return reached.count()


def keep(
    plan: PlanLimit, *, before: Mapping[str, Any] | None, actor_id: UUID | None, why: str
) -> PlanVersion | None:
    """Write the plan's next version; call it in the transaction of the change, under the lock of its row.

    `before` are the values that were changed, kept first where nobody has: None for a new plan.
    Returns None where nothing differs.
    """
    newest = PlanVersion.objects.filter(plan=plan.slug).order_by("-number").first()
    if newest is None and before is not None:
        newest = PlanVersion.objects.create(plan=plan.slug, number=1, values=dict(before), why="")
    after = values_of(plan)
    if newest is not None and newest.values == after:
        return None
    changed = [change.name for change in differences(newest.values, after)] if newest else []
    return PlanVersion.objects.create(
        plan=plan.slug,
        number=newest.number + 1 if newest else 1,
        values=after,
        changed=changed,
        actor_id=actor_id,
        why=why[:300],
    )
