"""Tables and columns of the console's lists are called what the reader's language calls them."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, get_fields_from_path
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field
from django.test import RequestFactory
from django.utils import translation
from django.utils.functional import Promise

from billing.models import PlanLimit
from console.names import COLUMNS, DETAILS, TABLES
from console.planversions import FIELDS
from tests.people import make_user
from wisqu.accounts.models import User

OTHERS = ("auth", "account")  # bring their translations along
# Their pages show what machines wrote, under the names that the documentation has for it.
TECHNICAL = {"WebhookEvent", "CatalogueModel", "Translation", "GeneratedImage"}


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


@pytest.mark.django_db
def test_translators_know_every_name_that_the_page_of_a_row_shows(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = make_user(is_staff=True, is_superuser=True)
    shown: set[str] = set()
    for model, desk in admin.site._registry.items():
        if desk.opts.app_label in OTHERS or model.__name__ in TECHNICAL:
            continue
        names = flatten_fieldsets(desk.get_fieldsets(request, model()))
        columns = {each.name: each for each in model._meta.get_fields() if isinstance(each, Field)}
        own = [columns[name] for name in names if name in columns and not hasattr(desk, name)]
        with translation.override("en"):
            shown |= {str(each.verbose_name) for each in own if not isinstance(each._verbose_name, Promise)}

    assert shown - {*COLUMNS, *DETAILS, *TABLES} == set()
    assert set(DETAILS) <= shown


def test_names_follow_the_readers_language() -> None:
    field = User._meta.get_field("email")
    with translation.override("en"):
        english = (str(User._meta.verbose_name), str(field.verbose_name))
    with translation.override("ar"):
        arabic = (str(User._meta.verbose_name), str(field.verbose_name))
        plural = str(User._meta.verbose_name_plural)

    assert english == ("user", "e-mail address")
    assert arabic[0] != "user"
    assert plural not in ("users", f"{arabic[0]}s")
