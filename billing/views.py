"""The pages of plan and usage; they work without scripts."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import orders, plans, warnings
from billing.models import Feature, Invoice, Order, PlanLimit, ProviderName
from billing.offers import Step, interval_of, offer
from billing.orders import Outcome
from billing.payments.base import PaymentDeclined, ProviderUnavailable, ReturnUrls
from billing.spending import as_rows, bars, spending
from wisqu.accounts.models import User
from wisqu.api.csp import with_forms_to_stripe
from wisqu.api.pages import not_found
from wisqu.api.problems import Problem

INVOICES_SHOWN = 100


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
        "warnings": warnings.unseen(user.pk, usage),
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
@with_forms_to_stripe
def plans_page(request: HttpRequest) -> HttpResponse:
    """Show the plans beside each other, the present one marked, and what choosing each would mean now."""
    user = _user(request)
    if "paid" in request.GET:
        _ask_whether_paid(user)
    subscription = plans.subscription_for(user.pk)
    interval = interval_of(subscription, request.GET.get("interval", ""))
    offered = [(plan, offer(subscription, plan, interval)) for plan in PlanLimit.objects.all()]
    last = Order.objects.filter(user=user).select_related("plan").order_by("-created_at", "-id").first()
    open_order = last if last and last.state == Order.State.OPEN else None
    context = {
        "subscription": subscription,
        "is_paying": orders.is_paying(subscription),
        "interval": interval,
        "has_yearly": any(plan.price_usd_year for plan, _offer in offered),
        "shown": [
            {"offer": each, "plan": plan, "limits": _limits(plan), "features": _features(plan)}
            for plan, each in offered
        ],
        "open_order": open_order,
        "pay_at": _pay_at(open_order),
        "came_of_paying": last.state if last and "paid" in request.GET else "",
    }
    return render(request, "billing/plans.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
@with_forms_to_stripe
def change_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what choosing the plan means, to the cent and the day; a POST does it."""
    user, plan = _user(request), PlanLimit.objects.filter(slug=slug).first()
    if plan is None:
        return not_found(request)
    subscription = plans.subscription_for(user.pk)
    interval = interval_of(subscription, request.POST.get("interval") or request.GET.get("interval", ""))
    found = offer(subscription, plan, interval)
    if request.method == "POST":
        return _choose(request, user, plan, found.interval)
    if found.step == Step.CANCEL:
        return redirect("cancel_page")
    if found.step in (Step.PRESENT, Step.NEXT, Step.NONE):
        return redirect("plans_page")
    context = {"offer": found, "plan": plan, "subscription": subscription, "present": subscription.plan}
    return render(request, "billing/change.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def cancel_page(request: HttpRequest) -> HttpResponse:
    """Say what canceling means; a POST cancels, at the end of the paid time or with `at=now` now."""
    user = _user(request)
    if request.method == "POST":
        return _cancel(request, user, now=request.POST.get("at") == "now")
    subscription = plans.subscription_for(user.pk)
    if subscription.plan.is_free or subscription.cancel_at_period_end:
        return redirect("plans_page")
    context = {
        "subscription": subscription,
        "plan": subscription.plan,
        "free": PlanLimit.objects.filter(price_usd=0).first(),
    }
    return render(request, "billing/cancel.html", context)


@require_POST
@login_required
def resume(request: HttpRequest) -> HttpResponse:
    """Take back a cancellation or a chosen smaller plan."""
    try:
        subscription = orders.resume(user=_user(request))
    except Problem as refusal:
        messages.error(request, _said(refusal))
    else:
        messages.success(request, _("%(plan)s goes on.") % {"plan": subscription.plan.name})
    return redirect("plans_page")


@require_POST
@login_required
@with_forms_to_stripe
def portal(request: HttpRequest) -> HttpResponse:
    """Lead to where the payment provider lets one change how one pays."""
    here = request.build_absolute_uri(reverse("plans_page"))
    try:
        return redirect(orders.portal(user=_user(request), return_url=here))
    except Problem as refusal:
        messages.error(request, _said(refusal))
        return redirect("plans_page")


@require_safe
@login_required
@never_cache
def invoices_page(request: HttpRequest) -> HttpResponse:
    """List one's invoices and receipts, the newest first."""
    found = _invoices(request).order_by("-issued_at", "-id")[:INVOICES_SHOWN]
    return render(request, "billing/invoices.html", {"invoices": found})


@require_safe
@login_required
@never_cache
def invoice_page(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Show one invoice, ready for the printer; a paid one is the receipt."""
    invoice = _invoices(request).select_related("order").filter(pk=invoice_id).first()
    if invoice is None:
        return not_found(request)
    is_open = invoice.state == Invoice.State.OPEN
    context = {
        "invoice": invoice,
        "lines": invoice.lines.all(),
        "is_paid": invoice.state == Invoice.State.PAID,
        "is_open": is_open,
        "pay_at": _pay_at(invoice.order) if is_open else "",
    }
    return render(request, "billing/invoice.html", context)


@require_POST
@login_required
def dismiss(request: HttpRequest, warning_id: UUID) -> HttpResponse:
    """Take a warning off the pages."""
    if not warnings.dismiss(_user(request).pk, warning_id):
        return not_found(request)
    back = request.POST.get("back", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else reverse("usage_page"))


def _ask_whether_paid(user: User) -> None:
    """Ask the provider where a payment is open still; if it can't be reached, its report will tell."""
    if Order.objects.filter(user=user, state=Order.State.OPEN).exists():
        with suppress(ProviderUnavailable):
            orders.refresh(user=user)


def _choose(request: HttpRequest, user: User, plan: PlanLimit, interval: str) -> HttpResponse:
    here = request.build_absolute_uri(reverse("plans_page"))
    try:
        outcome = orders.choose(
            user=user, plan=plan, interval=interval, urls=ReturnUrls(paid=f"{here}?paid=1", left=here)
        )
    except Problem as refusal:
        messages.error(request, _said(refusal))
        return redirect("plans_page")
    if outcome.pay_at:
        return redirect(outcome.pay_at)
    messages.success(request, _chosen(outcome, plan))
    return redirect("plans_page")


def _chosen(outcome: Outcome, plan: PlanLimit) -> str:
    until = outcome.subscription.paid_until
    if outcome.subscription.pending_plan_id == plan.pk and until:
        values = {"plan": plan.name, "day": date_format(timezone.localtime(until), "DATE_FORMAT")}
        return _("From %(day)s on you are on %(plan)s.") % values
    return _("You are on %(plan)s now.") % {"plan": plan.name}


def _cancel(request: HttpRequest, user: User, *, now: bool) -> HttpResponse:
    try:
        subscription = orders.cancel(user=user, now=now)
    except Problem as refusal:
        messages.error(request, _said(refusal))
        return redirect("plans_page")
    if subscription.cancel_at_period_end and subscription.paid_until:
        day = date_format(timezone.localtime(subscription.paid_until), "DATE_FORMAT")
        words = _("Canceled. You keep %(plan)s until %(day)s.")
        messages.success(request, words % {"plan": subscription.plan.name, "day": day})
    else:
        messages.success(request, _("Canceled. You are on the Free plan now."))
    return redirect("plans_page")


def _said(refusal: Problem) -> str:
    """Return a refusal in the reader's language."""
    if isinstance(refusal, ProviderUnavailable):
        return _("The payment provider can't be reached. Nothing was changed; try again in a moment.")
    if isinstance(refusal, PaymentDeclined):
        return _("The payment was declined. Nothing was changed; try another way to pay.")
    return refusal.detail


def _pay_at(order: Order | None) -> str:
    """Return the page of ours at which an open order is paid; empty where it is paid elsewhere."""
    if order is None or order.state != Order.State.OPEN:
        return ""
    if order.provider == ProviderName.SANDBOX:
        return f"{reverse('sandbox_page', args=[order.pk])}?{urlencode({'back': reverse('plans_page')})}"
    invoice = order.invoices.filter(state=Invoice.State.OPEN, provider=ProviderName.MANUAL).first()
    return reverse("invoice_page", args=[invoice.pk]) if invoice else ""


def _invoices(request: HttpRequest) -> QuerySet[Invoice]:
    return Invoice.objects.filter(user=_user(request).pk).exclude(state=Invoice.State.DRAFT)


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
        Feature.QUOTATION_REPAIR: _("Wrong quotations mended"),
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
