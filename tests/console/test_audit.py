"""The audit log: every act of staff is in it, and nothing of it can be changed."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from console.models import AuditEntry, LogIsAppendOnly
from presets.models import CatalogueModel
from tests.console.staff import boss, member, shown
from tests.people import make_alice

pytestmark = pytest.mark.django_db
LOG = "/admin/console/auditentry/"


def an_entry() -> AuditEntry:
    return AuditEntry.objects.create(verb="suspended", kind="accounts.user", why="Spam")


def test_the_model_refuses_to_change_and_to_delete() -> None:
    entry = an_entry()
    for act in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(why=""),
    ):
        with pytest.raises(LogIsAppendOnly):
            act()


@pytest.mark.parametrize("statement", ["UPDATE {} SET why = ''", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["console_auditentry", "console_planversion"])
def test_the_database_refuses_as_well(statement, table) -> None:
    an_entry()
    from console.models import PlanVersion

    PlanVersion.objects.create(plan="free", number=1, values={})
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


def test_not_even_a_superuser_writes_in_it() -> None:
    entry, desk = an_entry(), boss()
    assert desk.get(f"{LOG}{entry.pk}/change/").status_code == 200
    for address in (f"{LOG}add/", f"{LOG}{entry.pk}/change/", f"{LOG}{entry.pk}/delete/"):
        assert desk.post(address, {"why": "x", "post": "yes"}).status_code == 403


def test_a_changed_model_is_noted_with_before_and_after() -> None:
    row = CatalogueModel.objects.get(slug="openai/gpt-4o-mini")
    address, desk = f"/admin/presets/cataloguemodel/{row.pk}/change/", boss()
    form = desk.get(address).context["adminform"].form
    values = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    desk.post(address, values | {"blocked_reason": "Costs too much"})
    entry = AuditEntry.objects.get(verb="changed")
    assert entry.facts["changes"]["blocked_reason"] == ["", "Costs too much"]
    assert entry.object_id == str(row.pk)


def test_what_is_done_to_chosen_rows_is_noted() -> None:
    alice = make_alice()
    boss().post(
        "/admin/accounts/user/", {"action": "sign_out_everywhere", "_selected_action": [str(alice.pk)]}
    )
    entry = AuditEntry.objects.get(verb="acted")
    assert entry.facts == {"action": "sign_out_everywhere", "rows": [str(alice.pk)]}


def test_a_deleted_account_leaves_a_number_in_the_log_and_no_address() -> None:
    alice, desk = make_alice(), boss()
    desk.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"})
    desk.get(LOG)  # says once that it was deleted
    page = shown(desk.get(LOG))
    assert str(alice.pk) in page
    assert alice.email not in page


def test_the_log_is_filtered_searched_and_kept_from_those_without_the_right() -> None:
    an_entry()
    desk = boss()
    assert len(desk.get(LOG, {"verb__exact": "suspended", "q": "spam"}).context["cl"].result_list) == 1
    assert len(desk.get(LOG, {"verb__exact": "restored"}).context["cl"].result_list) == 0
    assert member("support").get(LOG).status_code == 403
