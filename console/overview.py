"""The start page: how the business stands, what changed, and who or what needs somebody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from analytics import reports
from analytics.reports import Days, SystemStats
from billing.money import dollars
from chat.fallback import breakers
from console import charts, quoted
from console.charts import Chart, Series
from console.writing import percent, whole

MONTH, WEEK = 30, 7
MOST_MODELS = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the page: how it is written, and how it changed against the days before."""

    name: str
    value: str
    change: str = ""
    # "up", "down" or "same", and whether that is good, bad or neither.
    way: str = ""
    mood: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The days that the page tells of, and what the reader picked them by."""

    key: str
    days: Days
    error: str = ""

    @property
    def before(self) -> Days:
        """What is compared with."""
        return self.days.before


@dataclass(slots=True)
class Yesterday:
    """What the day before today cost, and on which models."""

    day: date
    total: Decimal
    models: list[tuple[str, str, int]] = field(default_factory=list)  # name, cost, percent of the day


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the start page, each part to those who may see what it tells of."""
    chosen = choose(request)
    sees_money = request.user.has_perm("billing.view_ledgerentry")
    stats, before = reports.system_stats(chosen.days), reports.system_stats(chosen.before)
    context |= {
        "title": _("Overview"),
        "chosen": chosen,
        "ranges": ranges(chosen),
        "figures": [*(_money(stats, before) if sees_money else ()), *_use(stats, before)],
        "sees_money": sees_money,
        "sees_people": request.user.has_perm("accounts.view_user"),
        "charts": _charts(chosen.days, stats, sees_money=sees_money),
        "models": _models(chosen.days, sees_money=sees_money),
        "quotations": quoted.part(chosen.days),
        "pressure": [_pressure(each) for each in reports.quota_pressure(limit=8)],
        "spent": [_pressure(each) for each in reports.quota_pressure(spent=True, limit=8)],
        "waiting": _waiting(request),
        "paused": breakers.paused(),
    }
    if sees_money:
        context |= {"yesterday": yesterday(), "month": month()}
    return render(request, "admin/index.html", context)


# --- The days -------------------------------------------------------------------------------------


def choose(request: HttpRequest) -> Chosen:
    """Return the days of the address: a range by name, or from one day to another."""
    today, asked = reports.today(), request.GET
    named = _named(today)
    if asked.get("from") or asked.get("to"):
        try:
            first = date.fromisoformat(asked.get("from", ""))
            last = min(date.fromisoformat(asked["to"]) if asked.get("to") else today, today)
            return Chosen("own", Days(first, last))
        except ValueError:
            error = _("Give two days, the earlier one first.")
            return Chosen("30", named["30"], error)
    key = asked.get("range", "30")
    return Chosen(key if key in named else "30", named.get(key, named["30"]))


def _named(today: date) -> dict[str, Days]:
    yesterday = today - timedelta(days=1)
    return {
        "today": Days(today, today),
        "yesterday": Days(yesterday, yesterday),
        "7": Days.lately(WEEK),
        "30": Days.lately(MONTH),
        "month": Days(today.replace(day=1), today),
        "90": Days.lately(3 * MONTH),
    }


def ranges(chosen: Chosen) -> list[tuple[str, str, bool]]:
    """Return the ranges to pick from: key, name, whether it is the one shown."""
    names = {
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "7": _("7 days"),
        "30": _("30 days"),
        "month": _("This month"),
        "90": _("90 days"),
    }
    return [(key, name, key == chosen.key) for key, name in names.items()]


# --- The figures ------------------------------------------------------------------------------------


def _money(now: SystemStats, before: SystemStats) -> list[Figure]:
    others = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in now.revenue_elsewhere.items())
    unknown = (
        _("%(n)s calls of unknown cost are not in it.") % {"n": whole(now.unknown_costs)}
        if now.unknown_costs
        else ""
    )
    rate = now.savings_rate
    saved = _("%(share)s of what it would have cost") % {"share": percent(rate)} if rate else ""
    return [
        figure(_("Revenue"), now.revenue_usd, before.revenue_usd, dollars, good="up",
               note=_("and %(others)s") % {"others": others} if others else ""),
        figure(_("Cost"), now.cost_usd, before.cost_usd, dollars, note=unknown),
        figure(_("Margin"), now.margin_usd, before.margin_usd, dollars, good="up",
               note=percent(now.margin_rate) if now.margin_rate is not None else ""),
        figure(_("Saved by caching"), now.savings_usd, before.savings_usd, dollars, good="up", note=saved),
    ]  # fmt: skip


def _use(now: SystemStats, before: SystemStats) -> list[Figure]:
    joined = _("%(n)s new") % {"n": whole(now.new_users)} if now.new_users else ""
    return [
        figure(_("Messages"), now.messages, before.messages, whole, good="up"),
        figure(_("Active people"), now.active_30_days, before.active_30_days, whole, good="up",
               note=_("in 30 days; %(n)s on the last day") % {"n": whole(now.active_day)}),
        figure(_("Accounts"), now.users, None, whole, note=joined),
        figure(_("Failed answers"), now.error_rate, before.error_rate, percent, good="down",
               note=_("%(n)s of %(all)s") % {"n": whole(now.failed_turns), "all": whole(now.turns)}),
        figure(_("Answered by another model"), now.fallback_rate, before.fallback_rate, percent, good="down"),
        figure(_("First word after"), now.first_token_p50_ms, before.first_token_p50_ms, seconds, good="down",
               note=_("%(time)s for the slowest of twenty") % {"time": seconds(now.first_token_p95_ms)}),
    ]  # fmt: skip


def figure(
    name: str,
    now: Any,
    before: Any,
    write: Callable[[Any], str],
    *,
    good: str = "",
    note: str = "",
) -> Figure:
    """Return the figure with its change in percent, where there is something to compare with."""
    value = "–" if now is None else write(now)
    if now is None or not before:
        return Figure(name, value, note=note)
    change = round(100 * float(now - before) / abs(float(before)))
    way = "up" if change > 0 else "down" if change < 0 else "same"
    mood = "" if not good or way == "same" else "good" if way == good else "bad"
    shown = f"{abs(change):,} %" if abs(change) < 1000 else f"×{float(now) / float(before):,.0f}"
    return Figure(name, value, shown if change else _("unchanged"), way, mood, note)


def seconds(milliseconds: int | float | None) -> str:
    """Return a duration in seconds."""
    return "–" if milliseconds is None else _("%(n)s s") % {"n": f"{float(milliseconds) / 1000:.1f}"}


def yesterday() -> Yesterday:
    """Return what the last whole day cost, and on which models."""
    day = reports.today() - timedelta(days=1)
    models = [each for each in reports.model_usage(Days(day, day)).models if each.cost_usd > 0]
    total = sum((each.cost_usd for each in models), Decimal(0))
    shown = [(each.name, dollars(each.cost_usd), round(100 * each.cost_usd / total)) for each in models[:3]]
    return Yesterday(day, total, shown)


def month() -> Any:
    """Return what caching did since the first of this month."""
    today = reports.today()
    return reports.cache_performance(Days(today.replace(day=1), today)).total


# --- The charts and tables --------------------------------------------------------------------------


def _charts(days: Days, stats: SystemStats, *, sees_money: bool) -> list[Chart]:
    wanted = ["messages", "failed_turns"] + (["cost_usd", "revenue_usd", "savings_usd"] if sees_money else [])
    by = reports.Granularity.DAY if days.count <= 120 else reports.Granularity.WEEK
    trend = reports.usage_trends(days, measures_wanted=wanted, granularity=by)
    steps = [point.start for point in trend.points]

    def chart(key: str, title: str, summary: str, *series: tuple[str, str, str, Any]) -> Chart:
        drawn = [Series(name, kind, trend.series(measure), write) for name, kind, measure, write in series]
        return charts.draw(key, title, steps, drawn, summary=summary)

    found = []
    if sees_money:
        said = _("Revenue %(revenue)s, cost %(cost)s.")
        found += [
            chart("money", _("Cost against revenue"),
                  said % {"revenue": dollars(stats.revenue_usd), "cost": dollars(stats.cost_usd)},
                  (_("Revenue"), "bars", "revenue_usd", _dollars), (_("Cost"), "accent", "cost_usd", _dollars)),
            chart("savings", _("Saved by caching"), dollars(stats.savings_usd),
                  (_("Saved"), "gold", "savings_usd", _dollars)),
        ]  # fmt: skip
    said = _("%(n)s messages, %(failed)s failed answers.")
    values = {"n": whole(stats.messages), "failed": whole(stats.failed_turns)}
    found.append(
        chart("messages", _("Messages and failed answers"), said % values,
              (_("Messages"), "accent", "messages", whole), (_("Failed"), "danger", "failed_turns", whole))
    )  # fmt: skip
    return found


def _dollars(value: Any) -> str:
    return dollars(Decimal(str(value)))


def _models(days: Days, *, sees_money: bool) -> list[dict[str, Any]]:
    """Return the models of the days with their health; a model that is left alone at the moment says so."""
    paused = set(breakers.paused())
    models = reports.model_usage(days).models
    if not sees_money:
        models = sorted(models, key=lambda each: -each.attempts)
    most = max((each.cost_usd for each in models), default=Decimal(0))
    return [
        {
            "model": each.model,
            "name": each.name,
            "calls": each.calls,
            "cost": each.cost_usd,
            "part": f"{float(each.cost_usd / most):.3f}" if most else "0",
            "failures": percent(each.failure_rate) if each.attempts else "–",
            "is_failing": bool(each.failure_rate and each.failure_rate >= 0.1 and each.failed_attempts >= 3),
            "replaced": each.fallbacks_from,
            "first": seconds(each.first_token_p50_ms),
            "is_paused": each.model in paused,
        }
        for each in models[:MOST_MODELS]
    ]


# --- What needs somebody ----------------------------------------------------------------------------


def _pressure(each: reports.QuotaPressure) -> dict[str, Any]:
    from billing.plans import shown_measure
    from chat.templatetags.page import measure_names

    return {
        "user_id": each.user_id,
        "email": each.email,
        "plan": each.plan,
        "measure": measure_names().get(shown_measure(each.measure), each.measure),
        "percent": each.percent,
        "used": whole(each.used),
        "limit": whole(each.limit),
    }


def _kinds() -> dict[str, tuple[str, str, str, str]]:
    """Return for each kind of what waits: group, name, the permission to see it, and its list."""
    jobs, payments, queue = "jobs", "payments", "queue"
    return {
        "turns": (jobs, _("Answers that stand still"), "accounts.view_user", ""),
        "titles": (jobs, _("Titles overdue"), "accounts.view_user", ""),
        "holds": (jobs, _("Holds past their time"), "accounts.view_user", ""),
        "costs": (jobs, _("Costs not told yet"), "billing.view_ledgerentry", ""),
        "images": (jobs, _("Images overdue"), "accounts.view_user",
                   "imagery_generatedimage_changelist?status__exact=queued"),
        "mails": (jobs, _("Mails not sent"), "billing.view_billingmail",
                  "billing_billingmail_changelist?sent_at__isnull=True"),
        "webhooks": (payments, _("Payment reports that failed"), "billing.view_webhookevent",
                     "billing_webhookevent_changelist?state__exact=failed"),
        "payments": (payments, pgettext("subscriptions", "Payments overdue"), "billing.view_subscription",
                     "billing_subscription_changelist?status__exact=past_due"),
        "invoices": (payments, _("Invoices overdue"), "billing.view_invoice",
                     "billing_invoice_changelist?state__exact=open"),
        "feedback": (queue, _("Feedback to look at"), "chat.view_feedback", "chat_feedback_changelist"),
        "reviews": (queue, _("Answers to review"), "chat.view_review", "chat_review_changelist"),
        "tickets": (queue, _("Tickets to answer"), "support.view_ticket",
                    "support_ticket_changelist?status__exact=waiting"),
    }  # fmt: skip


def _waiting(request: HttpRequest) -> list[dict[str, Any]]:
    """Return what waits, in three groups, each with what the reader may see of it."""
    counted = {each.what: each for each in reports.waiting()}
    names = {"jobs": _("Jobs"), "payments": _("Payments"), "queue": _("Feedback and tickets")}
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    seen = set()
    for what, (group, name, permission, address) in _kinds().items():
        if not request.user.has_perm(permission):
            continue
        seen.add(group)
        if what in counted:
            one = counted[what]
            groups[group].append(
                {"name": name, "count": one.count, "since": one.oldest_at, "address": _list(request, address)}
            )
    return [{"name": names[key], "rows": rows} for key, rows in groups.items() if key in seen]


def _list(request: HttpRequest, address: str) -> str:
    """Return the address of the list, to those who may see it."""
    name, _mark, query = address.partition("?")
    if not name:
        return ""
    app, model, _page = name.split("_")
    may_see = request.user.has_perm(f"{app}.view_{model}")
    return reverse(f"admin:{name}") + (f"?{query}" if query else "") if may_see else ""


def day_name(day: date) -> str:
    """Return a day as it is written in the reader's language."""
    return date_format(day, "DATE_FORMAT")
