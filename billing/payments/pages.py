"""The page that plays the bank for sandbox orders, in development only: pay, decline, refuse 3-D Secure."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from billing import orders
from billing.models import Order, ProviderName
from billing.payments.sandbox import Answer
from billing.subscriptions import Reason


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sandbox_page(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Show what an order costs, and act on what the played bank answers."""
    if not settings.DEBUG:
        raise Http404
    mine = Order.objects.select_related("plan").filter(user=request.user.pk, provider=ProviderName.SANDBOX)
    order = get_object_or_404(mine, pk=order_id)
    answer = request.POST.get("answer", "")
    if request.method == "POST" and answer in Answer.values:
        _play(order, Answer(answer))
        order.refresh_from_db()
        if order.state == Order.State.PAID:
            return redirect(_back(request))
    context = {
        "order": order,
        "answers": Answer,
        "answer": Answer(order.note).label if order.note in Answer.values else "",
        "is_open": order.state == Order.State.OPEN,
        "back": _back(request),
    }
    return render(request, "billing/sandbox.html", context)


def _play(order: Order, answer: Answer) -> None:
    reason = Reason.provider(ProviderName.SANDBOX, f"The bank answered: {answer.value}", cause=str(order.pk))
    if answer.pays:
        Order.objects.filter(pk=order.pk, state=Order.State.OPEN).update(note=answer.value)
        orders.confirm(order_id=order.pk, reason=reason)
    else:
        orders.decline(order_id=order.pk, why=answer.value, reason=reason)


def _back(request: HttpRequest) -> str:
    """Return where the person came from, if that is a page of ours."""
    back = request.GET.get("back", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return back if safe else reverse("plans_page")
