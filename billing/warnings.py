"""Warnings at 80 and 100 % of a measure: on the page and by mail, each once a period.

A charge that finds a measure at such a share notes it, in the transaction of the charge and under the lock of the
period's row, so that of many charges at once one does. The mail leaves after the commit, as a job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from billing.models import PlanLimit, UsageWarning
from billing.plans import plan_for, shown_measure, usage
from wisqu.api import jobs

log = logging.getLogger(__name__)

# How old a known plan may be: a warning is a courtesy, and no reason for one more query with every answer.
FRESH_S = 30.0
# A mail that nobody sent within a minute got lost on its way to the queue; after two days it is no news.
LOST_AFTER, OLD_AFTER = timedelta(minutes=1), timedelta(days=2)

_plans: dict[str, tuple[PlanLimit, float]] = {}


@dataclass(frozen=True, slots=True)
class Reached:
    """A measure at or above a share of its limit, as a person reads it. `measure` is named as in the usage report."""

    measure: str
    percent: int
    used: int
    limit: int
    resets_at: datetime
    id: UUID | None = None  # by which it is dismissed

    def as_dict(self) -> dict[str, Any]:
        """Return what programs are told, `text` in the present language."""
        return {
            "id": self.id,
            "measure": self.measure,
            "percent": self.percent,
            "used": self.used,
            "limit": self.limit,
            "resets_at": self.resets_at,
            "text": self.text,
        }

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.percent >= UsageWarning.SPENT

    @property
    def text(self) -> str:
        """The warning as a sentence in the present language."""
        values = {
            "measure": _label(self.measure),
            "used": number_format(self.used, force_grouping=True),
            "limit": number_format(self.limit, force_grouping=True),
            "date": date_format(self.resets_at, "j F Y"),
        }
        if self.is_spent:
            return _("%(measure)s: all %(limit)s are used. The count starts again on %(date)s.") % values
        return _("%(measure)s: %(used)s of %(limit)s are used. The count starts again on %(date)s.") % values


def _label(measure: str) -> str:
    return {
        "messages": _("Messages"),
        "tokens": _("Tokens"),
        "images": _("Images"),
        "documents": _("Documents"),
        "audio_minutes": _("Audio minutes"),
    }[measure]


def share(used: int, limit: int | None) -> int:
    """Return the largest share in percent that is reached and worth a warning, or 0. What has no room is no news."""
    if not limit:
        return 0
    shares = (UsageWarning.SPENT, UsageWarning.NEARLY)
    return next((percent for percent in shares if used * 100 >= limit * percent), 0)


def know(plan: PlanLimit) -> None:
    """Take note of a plan that somebody has just read."""
    _plans[plan.slug] = plan, time.monotonic()


def known_plan(slug: str) -> PlanLimit | None:
    """Return the plan as it was at most half a minute ago; None for one that was deleted."""
    plan, known_at = _plans.get(slug, (None, 0.0))
    if plan is None or time.monotonic() - known_at >= FRESH_S:
        plan = PlanLimit.objects.filter(slug=slug).first()
        if plan is not None:
            know(plan)
    return plan


def check(
    *,
    user_id: UUID,
    period_start: datetime,
    plan: PlanLimit,
    used: Mapping[str, int],
    extra: Mapping[str, int],
) -> None:
    """Note, and mail, each share that the new totals have reached and that was not told yet in this period.

    `extra` is what was granted on top of the plan's limits.
    """
    for measure, total in used.items():
        limit = plan.limit(measure)
        percent = share(total, None if limit is None else limit + extra[measure])
        if percent:
            _tell_once(user_id=user_id, period_start=period_start, measure=measure, percent=percent)


def _tell_once(*, user_id: UUID, period_start: datetime, measure: str, percent: int) -> None:
    told = UsageWarning.objects.filter(user_id=user_id, period_start=period_start, measure=measure)
    if told.filter(percent__gte=percent).exists():
        return
    warning = UsageWarning(user_id=user_id, period_start=period_start, measure=measure, percent=percent)
    UsageWarning.objects.bulk_create([warning], ignore_conflicts=True)
    jobs.send_on_commit("billing.tasks.mail_usage_warning", str(warning.pk))


# --- The page -------------------------------------------------------------------------------------


def standing(report: Mapping[str, Any]) -> list[Reached]:
    """Return what a usage report (`plans.usage`) gives to warn of, the fullest first."""
    found = []
    for measure, meter in report.items():
        if isinstance(meter, dict) and (percent := share(meter["used"], meter["limit"])):
            found.append(Reached(measure, percent, meter["used"], meter["limit"], report["period_end"]))
    return sorted(found, key=lambda each: -each.percent)


def unseen(user_id: UUID, report: Mapping[str, Any] | None = None) -> list[Reached]:
    """Return the warnings of the present period that still hold and that the person has not dismissed.

    `report` is the usage report, where the caller has it: it saves two queries.
    """
    report = report or usage(user_id)
    reached = standing(report)
    if not reached:
        return []
    open_ones = UsageWarning.objects.filter(
        user_id=user_id, period_start=report["period_start"], dismissed_at=None
    )
    ids = {(shown_measure(row.measure), row.percent): row.pk for row in open_ones}
    return [
        Reached(each.measure, each.percent, each.used, each.limit, each.resets_at, pk)
        for each in reached
        if (pk := ids.get((each.measure, each.percent)))
    ]


def usage_and_warnings(user_id: UUID) -> dict[str, Any]:
    """Return the usage report with the warnings that are new to the person, worded in their language."""
    report = usage(user_id)
    if not standing(report):
        return report | {"warnings": []}
    language = get_user_model().objects.values_list("language", flat=True).get(pk=user_id)
    with translation.override(language):
        return report | {"warnings": [each.as_dict() for each in unseen(user_id, report)]}


def dismiss(user_id: UUID, warning_id: UUID) -> bool:
    """Take a warning off the person's pages; False where there is no such warning of theirs."""
    mine = UsageWarning.objects.filter(pk=warning_id, user_id=user_id)
    return bool(mine.filter(dismissed_at=None).update(dismissed_at=timezone.now()) or mine.exists())


# --- The mail -------------------------------------------------------------------------------------


def mail(warning_id: UUID) -> bool:
    """Send the mail of a warning unless it was sent, or no longer holds. Raises what the mail server raises.

    Of several senders one gets it. What could not be sent may be tried again.
    """
    mine = UsageWarning.objects.filter(pk=warning_id, mailed_at=None)
    if not mine.update(mailed_at=timezone.now()):
        return False
    warning = UsageWarning.objects.select_related("user").get(pk=warning_id)
    person = warning.user
    reached = next((each for each in standing(usage(person.pk)) if _is_about(each, warning)), None)
    if reached is None or not person.is_active:
        return False
    try:
        _write(person, reached).send()
    except OSError:  # smtplib's errors are OSErrors too
        UsageWarning.objects.filter(pk=warning_id).update(mailed_at=None)
        raise
    return True


def _is_about(reached: Reached, warning: UsageWarning) -> bool:
    return reached.measure == shown_measure(warning.measure) and reached.percent >= warning.percent


def _write(person: Any, reached: Reached) -> EmailMessage:
    with translation.override(person.language):
        subject = (
            _("%(measure)s of this month are used up")
            if reached.is_spent
            else _("%(measure)s: nearly used up")
        ) % {"measure": _label(reached.measure)}
        plan = plan_for(person.pk)
        body = render_to_string(
            "billing/mail/usage.txt", {"reached": reached, "plan": plan, "person": person}
        )
    return EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [person.email])


def lost() -> Iterable[UUID]:
    """Return the warnings whose mail nobody has sent although it should have left."""
    now = timezone.now()
    waiting = UsageWarning.objects.filter(
        mailed_at=None, created_at__lt=now - LOST_AFTER, created_at__gt=now - OLD_AFTER
    )
    return list(waiting.order_by("created_at").values_list("pk", flat=True)[:200])
