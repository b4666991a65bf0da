"""Plans: checked, shown before they are saved, kept in versions."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.amounts import Amounts
from billing.models import PlanLimit
from console.models import AuditEntry, PlanVersion
from tests.billing.held import hold, settle
from tests.console.staff import boss, member, shown
from tests.people import make_alice, make_bob

pytestmark = pytest.mark.django_db
PREMIUM = "/admin/billing/planlimit/premium/change/"


def filled(desk: Client, **values: Any) -> dict[str, Any]:
    """Return what a browser would send."""
    form = desk.get(PREMIUM).context["adminform"].form
    known = {name: value for name, value in form.initial.items() if value not in (None, False)}
    return known | {"why": "A better offer", "read_at": form.read_at} | values


def look(desk: Client, **values: Any):
    """Send it once: the answer shows whom it touches."""
    return desk.post(PREMIUM, filled(desk, **values)).context["adminform"].form


def save(desk: Client, **values: Any):
    """Send it, and once more as it was shown."""
    sent = filled(desk, **values)
    digest = desk.post(PREMIUM, sent).context["adminform"].form.digest
    return desk.post(PREMIUM, sent | {"confirmed": digest})


def test_a_change_is_shown_before_it_is_saved() -> None:
    make_alice()
    settle(hold(make_bob(), Amounts(messages=50)), Amounts(messages=50))
    form = look(boss(), messages=40, pdf="")
    assert PlanLimit.objects.get(slug="premium").messages == 2000
    assert (form.preview.people, form.preview.stopped, form.preview.lost) == (
        2,
        [("messages a month", 1)],
        ["PDF"],
    )
    assert [(change.name, change.before, change.after) for change in form.preview.changes] == [
        ("messages", "2,000", "40"),
        ("pdf", "Yes", "No"),
    ]


def test_what_was_shown_is_saved_and_kept_as_a_version() -> None:
    desk = boss()
    assert save(desk, messages=3000).status_code == 302
    assert PlanLimit.objects.get(slug="premium").messages == 3000
    first, second = PlanVersion.objects.order_by("number")
    assert (first.values["messages"], second.values["messages"], second.changed) == (2000, 3000, ["messages"])
    assert second.why == "A better offer"
    entry = AuditEntry.objects.get(kind="billing.planlimit", verb="changed")
    assert (entry.why, entry.facts["changes"]["messages"]) == ("A better offer", [2000, 3000])
    history = shown(desk.get("/admin/billing/planlimit/premium/history/"))
    assert "boss@example.org" in history
    assert "3,000" in history


def test_something_else_than_was_shown_is_not_saved() -> None:
    desk = boss()
    digest = look(desk, messages=3000).digest
    desk.post(PREMIUM, filled(desk, messages=5) | {"confirmed": digest})
    assert PlanLimit.objects.get(slug="premium").messages == 2000


def test_of_two_who_edit_at_once_the_second_is_told() -> None:
    desk = boss()
    sent = filled(desk, messages=3000)
    PlanLimit.objects.get(slug="premium").save()
    assert "Somebody has changed this plan meanwhile" in shown(desk.post(PREMIUM, sent))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price_usd_year", "300"),
        ("price_usd_year", "5"),
        ("requests_per_minute", 0),
        ("max_context", 200),
        ("messages", -1),
        ("price_usd", "-3"),
        ("why", ""),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(field, value) -> None:
    form = look(boss(), **{field: value})
    assert field in form.errors
    assert form.preview is None


def test_a_new_plan_begins_its_history() -> None:
    values = {"name": "Family", "slug": "family", "position": 5, "price_usd": "9", "max_context": 8000,
              "requests_per_minute": 20, "why": "Asked for"}  # fmt: skip
    assert boss().post("/admin/billing/planlimit/add/", values).status_code == 302
    assert PlanVersion.objects.get().values["name"] == "Family"


def test_support_looks_at_plans_and_changes_none() -> None:
    support = member("support")
    assert support.get(PREMIUM).status_code == 200
    assert support.post(PREMIUM, {"messages": 1, "why": "x"}).status_code == 403
