"""What billing refuses, as the outside sees it."""

from __future__ import annotations

from datetime import datetime

from billing.models import Feature, PlanLimit
from wisqu.api.problems import Problem

UNITS = {
    "messages": "message",
    "tokens": "token",
    "images": "image",
    "documents": "document",
    "audio_seconds": "audio minute",
}


class QuotaExceeded(Problem):
    """A measure of the period does not hold what was asked for.

    Besides `detail` the problem document carries `measure`, `limit`, `remaining`, `resets_at` and `advice`. `is_held`
    says that it is not used up yet: running work holds the rest.
    """

    status = 400
    code = "quota_exceeded"

    def __init__(
        self, *, measure: str, limit: int, remaining: int, resets_at: datetime, is_held: bool = False
    ) -> None:
        shown = measure
        if measure == "audio_seconds":
            shown, limit, remaining = "audio_minutes", limit // 60, remaining // 60
        advice = f"The count starts again on {resets_at:%-d %B %Y} (UTC). A larger plan holds more."
        if is_held:
            advice = f"What is left is held by work that still runs: try again when it is done. {advice}"
        super().__init__(
            detail=f"Monthly {UNITS[measure]} limit reached ({limit})",
            measure=shown,
            limit=limit,
            remaining=remaining,
            resets_at=resets_at,
            advice=advice,
        )


class FeatureRequired(Problem):
    """The plan does not have the feature; the problem document names it as `feature`."""

    status = 403
    code = "plan_feature_required"

    def __init__(self, *, feature: Feature, plan: PlanLimit) -> None:
        super().__init__(
            detail=f"The {plan.name} plan does not have this: {feature.label.lower()}.",
            feature=feature.value,
            advice="Choose a plan that has it.",
        )


class PlansMissing(Exception):
    """The installation has no plans yet: `manage.py seed_plans` was not run."""


class PlanRefused(Problem):
    """A change of plan that can't be made now; `code` tells why, `detail` what to do instead."""

    status = 409

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code=code, detail=detail)
