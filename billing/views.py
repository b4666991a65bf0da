"""The pages of plan and usage; they work without scripts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import plans
from billing.models import Feature, PlanLimit
from billing.spending import as_rows, bars, spending
from wisqu.accounts.models import User


@require_safe
@login_required
@never_cache
def usage_page(request: HttpRequest) -> HttpResponse:
    """Show the five meters, what each cost, what caching saved, and the days of the period."""
    user, now = _user(request), timezone.now()
    subscription = plans.subscription_for(user.pk)
    usage = plans.usage(user.pk, subscription=subscription, now=now)
    spent = spending(user.pk, subscription.period(now))
    context = {
        "subscription": subscription,
        "plan": subscription.plan,
        "usage": usage,
        "meters": [row | _words(row["measure"]) for row in as_rows(usage, spent)],
        "savings": _savings(usage),
        "spent": spent,
        "bars": bars(spent.days),
        "today": timezone.localdate(now),
    }
    return render(request, "billing/usage.html", context)


@require_safe
@login_required
@never_cache
def plans_page(request: HttpRequest) -> HttpResponse:
    """Show the plans beside each other, the present one marked."""
    subscription = plans.subscription_for(_user(request).pk)
    shown = [
        {"plan": plan, "limits": _limits(plan), "features": _features(plan)}
        for plan in PlanLimit.objects.all()
    ]
    context = {"subscription": subscription, "present": subscription.plan, "shown": shown}
    return render(request, "billing/plans.html", context)


def _limits(plan: PlanLimit) -> list[dict[str, Any]]:
    """Return what the plan holds a month and otherwise, in the same order for every plan."""
    names = {
        "messages": _("messages a month"),
        "tokens": _("tokens a month"),
        "images": _("images a month"),
        "documents": _("documents a month"),
        "audio_minutes": _("audio minutes a month"),
        "presets": _("presets of your own"),
        "max_context": _("tokens of context"),
        "requests_per_minute": _("requests a minute"),
    }
    return [{"name": name, "limit": getattr(plan, column)} for column, name in names.items()]


def _features(plan: PlanLimit) -> list[dict[str, Any]]:
    """Return every feature there is, each with whether the plan has it."""
    names = {
        Feature.WEB_SEARCH: _("Web search"),
        Feature.IMAGE_GENERATION: _("Making images"),
        Feature.PDF: _("Reading PDF files"),
        Feature.AUDIO: _("Audio"),
        Feature.PROMPT_CACHING: _("Prompt caching"),
        Feature.ADVANCED_MODELS: _("Advanced models"),
        Feature.PRIORITY_SUPPORT: _("Priority support"),
    }
    return [{"name": name, "has": plan.has(feature)} for feature, name in names.items()]


def _words(measure: str) -> dict[str, str]:
    """Return the measure's name, and what its price is counted for."""
    return {
        "messages": {"name": _("Messages"), "per": _("a message")},
        "tokens": {"name": _("Tokens"), "per": _("a million tokens")},
        "images": {"name": _("Images"), "per": _("an image")},
        "documents": {"name": _("Documents"), "per": _("a document")},
        "audio_minutes": {"name": _("Audio minutes"), "per": _("a minute")},
    }[measure]


def _savings(usage: dict[str, Any]) -> dict[str, Any]:
    """Return what caching saved this period, and which share of the price without it that is."""
    saved, cost = usage["cache_savings_usd"], usage["total_cost_usd"]
    whole = saved + cost
    return {"amount": saved, "share": round(100 * saved / whole) if saved > 0 and whole > 0 else 0}


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required let it pass
    return request.user
