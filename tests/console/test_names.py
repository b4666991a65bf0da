"""Tables and columns of the console's lists are called what the reader's language calls them."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field
from django.utils import translation
from django.utils.functional import Promise

from billing.models import PlanLimit
from console.names import COLUMNS, TABLES
from console.planversions import FIELDS
from wisqu.accounts.models import User

OTHERS = ("auth", "account")  # bring their translations along


def shown_fields(desk: admin.ModelAdmin) -> list[Field]:
    """The fields behind the columns and filters of a list."""
    found = []
    for name in (*desk.list_display, *(each for each in desk.list_filter if isinstance(each, str))):
        try:
            found.append(get_fields_from_path(desk.model, name)[-1])
        except FieldDoesNotExist:
            continue  # a method, which says itself what it is called
    return found


def test_translators_know_every_name_that_a_list_shows() -> None:
    desks = [desk for desk in admin.site._registry.values() if desk.opts.app_label not in OTHERS]
    fields = [field for desk in desks for field in shown_fields(desk)]
    fields += [PlanLimit._meta.get_field(name) for name in FIELDS]
    with translation.override("en"):
        tables = {
            str(name) for desk in desks for name in (desk.opts.verbose_name, desk.opts.verbose_name_plural)
        }
        columns = {str(each.verbose_name) for each in fields if not isinstance(each._verbose_name, Promise)}

    assert tables - {*TABLES, "audit entry", "audit log", "version of a plan", "versions of plans"} == set()
    assert columns - {*COLUMNS, *TABLES} == set()
    assert set(TABLES) <= tables


def test_names_follow_the_readers_language() -> None:
    field = User._meta.get_field("email")
    with translation.override("en"):
        english = (str(User._meta.verbose_name), str(field.verbose_name))
    with translation.override("ar"):
        arabic = (str(User._meta.verbose_name), str(field.verbose_name))

    assert english == ("user", "e-mail address")
    assert arabic[0] != "user"
