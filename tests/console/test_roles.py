"""Roles: support sees no money, finance nothing that people wrote, admin everything of the product."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import RequestFactory

from console import roles
from tests.console.staff import boss, desk_of, member, shown
from tests.people import make_alice, make_user, signed_in

pytestmark = pytest.mark.django_db
MONEY = (
    "billing/ledgerentry",
    "billing/invoice",
    "billing/order",
    "billing/subscription",
    "billing/webhookevent",
)
WORDS = ("support/ticket", "chat/feedback")


@pytest.mark.parametrize("table", MONEY)
def test_support_sees_no_money(table) -> None:
    assert member("support").get(f"/admin/{table}/").status_code == 403


def test_support_reads_no_amount_on_start_page_and_desk() -> None:
    alice, support = make_alice(), member("support")
    for address in ("/admin/", desk_of(alice)):
        page = shown(support.get(address))
        assert "$" not in page
        assert "Change the plan" not in page
    assert "About to hit a limit" in shown(support.get("/admin/"))


@pytest.mark.parametrize("table", WORDS)
def test_finance_reads_nothing_that_people_wrote(table) -> None:
    assert member("finance").get(f"/admin/{table}/").status_code == 403


def test_finance_sees_money_and_runs_plans() -> None:
    alice, finance = make_alice(), member("finance")
    assert "Yesterday we spent" in shown(finance.get("/admin/"))
    page = shown(finance.get(desk_of(alice)))
    assert "Change the plan" in page
    assert "Suspend" not in page
    for table in MONEY:
        assert finance.get(f"/admin/{table}/").status_code == 200


@pytest.mark.parametrize("table", MONEY + WORDS)
def test_admin_sees_everything(table) -> None:
    assert member("admin").get(f"/admin/{table}/").status_code == 200


def test_staff_without_a_role_see_nothing_of_anybody() -> None:
    alice, desk = make_alice(), signed_in(make_user("new@example.org", is_staff=True))
    page = shown(desk.get("/admin/"))
    assert "$" not in page
    assert "About to hit a limit" not in page
    assert desk.get(desk_of(alice)).status_code == desk.get("/admin/find/?q=a").status_code == 403


def test_seeding_again_puts_roles_back() -> None:
    roles.seed()
    group = Group.objects.get(name="support")
    before = group.permissions.count()
    group.permissions.clear()
    call_command("seed_roles", verbosity=0)
    assert group.permissions.count() == before == len(roles.SUPPORT)


def test_codes_of_second_factors_are_no_table() -> None:
    assert boss().get("/admin/mfa/authenticator/").status_code == 404


def test_who_may_only_look_is_offered_no_act_and_opens_every_row() -> None:
    viewer = make_user("viewer@example.org", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    request, desk = RequestFactory().get("/admin/"), signed_in(viewer)
    request.user = viewer
    for model, table in admin.site._registry.items():
        assert list(table.get_actions(request)) == [], model
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{row.pk}/change/"
            assert desk.get(address).status_code == 200, model
