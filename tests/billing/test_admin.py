"""The operator's desk: plans can be edited, the books only read."""

import pytest
from django.test import Client

from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit
from tests.billing.held import hold, settle
from tests.people import make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

TABLES = ["planlimit", "subscription", "monthlyusagequota", "ledgerentry"]


@pytest.fixture
def staff() -> Client:
    return signed_in(User.objects.create_superuser("root@example.org", "x"))


@pytest.fixture
def alice() -> User:
    alice = make_user("alice@example.org", "premium")
    settle(hold(alice), model="openai/gpt-4o-mini")
    return alice


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("search", ["", "?q=alice"])
def test_every_list_opens_and_can_be_searched(staff: Client, alice: User, table: str, search: str) -> None:
    assert staff.get(f"/admin/billing/{table}/{search}").status_code in {200, 302}


def test_staff_edit_a_plan_and_it_holds(staff: Client) -> None:
    address = "/admin/billing/planlimit/free/change/"
    form = staff.get(address).context["adminform"].form
    values = {name: value for name, value in form.initial.items() if value is not None and value is not False}
    values |= {"messages": 7, "why": "A trial", "read_at": form.read_at}
    shown = staff.post(address, values).context["adminform"].form
    answer = staff.post(address, values | {"confirmed": shown.digest})

    assert answer.status_code == 302
    assert PlanLimit.objects.get(slug="free").messages == 7


def test_the_free_plan_stays_and_stays_free(staff: Client) -> None:
    form = staff.get("/admin/billing/planlimit/free/change/").context["adminform"].form
    values = {name: value for name, value in form.initial.items() if value}
    staff.post("/admin/billing/planlimit/free/change/", values | {"price_usd": 5})
    chosen = {"action": "delete_selected", "_selected_action": ["free"], "post": "yes"}
    staff.post("/admin/billing/planlimit/", chosen)

    assert staff.post("/admin/billing/planlimit/free/delete/", {"post": "yes"}).status_code == 403
    assert PlanLimit.objects.get(slug="free").is_free


@pytest.mark.parametrize("model", [MonthlyUsageQuota, LedgerEntry])
@pytest.mark.parametrize("act", ["change", "delete"])
def test_the_books_can_only_be_read(staff: Client, alice: User, model: type, act: str) -> None:
    row = model.objects.get()
    address = f"/admin/billing/{model._meta.model_name}/{row.pk}/{act}/"

    assert staff.post(address, {"used_messages": 0, "post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_staff_can_still_delete_a_user(staff: Client, alice: User) -> None:
    staff.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"})

    assert not User.objects.filter(pk=alice.pk).exists()
    assert not MonthlyUsageQuota.objects.exists()


def test_the_ledger_shows_entries_of_erased_accounts(staff: Client, alice: User) -> None:
    number = str(alice.pk)
    alice.delete()

    assert number in staff.get("/admin/billing/ledgerentry/").content.decode()


@pytest.mark.parametrize("table", ["subscription", "monthlyusagequota", "ledgerentry"])
def test_a_list_takes_as_many_queries_for_ten_users_as_for_one(
    staff: Client, alice: User, table: str, django_assert_max_num_queries
) -> None:
    for number in range(9):
        settle(hold(make_user(f"user{number}@example.org")))

    with django_assert_max_num_queries(10):
        staff.get(f"/admin/billing/{table}/")
