"""Lists that stay fast at ten million rows: no counting, filters and searches that indexes can answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.admin import AllValuesFieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path, lookup_spawns_duplicates
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from wisqu.accounts.models import User

# Further back the database would walk over too much: there a filter helps, or an export.
MOST_PAGES = 200
# The values to choose from are those of the newest rows.
RECENT_ROWS = 1000
MOST_PEOPLE = 200


class Uncounted:
    """What the templates want of a paginator; nobody knows how many pages there are."""

    ELLIPSIS = "…"
    num_pages = 1

    def get_elided_page_range(self, *_args: Any, **_kwargs: Any) -> list[int]:
        """Return no numbers: the pages are walked one by one."""
        return []


class FastList(ChangeList):
    """A list that reads one row more than it shows, to know whether there is a next page."""

    has_next = False

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows of the page, in one query and without a count."""
        if not 1 <= self.page_num <= MOST_PAGES:
            raise IncorrectLookupParameters
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[start : start + self.list_per_page + 1])
        self.has_next = len(rows) > self.list_per_page and self.page_num < MOST_PAGES
        self.result_list: Any = rows[: self.list_per_page]
        self.result_count = len(self.result_list)
        self.first_row, self.last_row = start + 1, start + self.result_count
        self.full_result_count = None
        self.show_full_result_count = self.can_show_all = False
        self.show_admin_actions = True
        self.multi_page = self.has_next or self.page_num > 1
        self.paginator: Any = Uncounted()

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column is sorted by; nothing for one that the desk does not let be sorted."""
        is_sortable = self.sortable_by is None or field_name in self.sortable_by
        return super().get_ordering_field(field_name) if is_sortable else None

    @property
    def next_address(self) -> str:
        """The query of the next page, or nothing."""
        return str(self.get_query_string({PAGE_VAR: self.page_num + 1})) if self.has_next else ""

    @property
    def previous_address(self) -> str:
        """The query of the page before, or nothing."""
        return str(self.get_query_string({PAGE_VAR: self.page_num - 1})) if self.page_num > 1 else ""


class RecentValues(AllValuesFieldListFilter):
    """The values that a column has in the newest rows; asking for all of them would read the whole table."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        newest = model_admin.get_queryset(request).order_by("-pk").values_list(field_path, flat=True)
        self.lookup_choices: Any = sorted(
            {value for value in newest[:RECENT_ROWS] if value not in (None, "")}
        )


def light_filter(model: type[models.Model], item: Any) -> Any:
    """Return a filter as it was, or one that is not read from all rows where Django's own would be."""
    if not isinstance(item, str):
        return item
    field: Any = get_fields_from_path(model, item)[-1]
    cheap: Any = (models.BooleanField, models.DateField, models.ForeignKey)
    return item if field.flatchoices or isinstance(field, cheap) else (item, RecentValues)


def matching(queryset: QuerySet[Any], fields: Any, text: str) -> tuple[QuerySet[Any], bool]:
    """Return the rows in which one of the fields has the text, and whether rows may come twice.

    "=name" is the whole value, "user__email" the beginning of an address, all else a part of the value.
    """
    text = text.strip()
    if not text:
        return queryset, False
    wanted, doubled = Q(pk__in=[]), False
    for name in fields:
        condition = _condition(queryset.model, name, text)
        if condition is not None:
            wanted |= condition
            doubled |= lookup_spawns_duplicates(queryset.model._meta, name.lstrip("=^@"))
    return queryset.filter(wanted), doubled


def _condition(model: type[models.Model], name: str, text: str) -> Q | None:
    exact, path = name.startswith("="), name.lstrip("=^@")
    field = get_fields_from_path(model, path)[-1]
    if isinstance(field, models.UUIDField):
        number = _as_uuid(text)
        return None if number is None else Q(**{path: number})
    if field.model is User and field.name == "email" and path != "email":
        return Q(**{f"{path.removesuffix('__email')}__in": people(text)})
    if path == "generation_id":
        # Told twice, so that the partial index over OpenRouter's own ids can be used.
        return Q(generation_id=text, generation_id__startswith="gen-")
    return Q(**{path if exact else f"{path}__icontains": text})


def people(text: str) -> list[UUID]:
    """Return the ids of those whose address begins with the text, or whose id it is."""
    number = _as_uuid(text)
    if number is not None:
        return [number]
    found = User.objects.filter(email__startswith=text.lower()).order_by("email")
    return list(found.values_list("pk", flat=True)[:MOST_PEOPLE])


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
