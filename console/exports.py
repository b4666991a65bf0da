"""Any list as CSV: streamed, a thousand rows at a time, so that its length costs neither memory nor a long query."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from wisqu.api import csvs


def as_file(
    request: HttpRequest, queryset: QuerySet[Any], desk: Any, columns: list[str]
) -> StreamingHttpResponse:
    """Return the answer that a browser keeps as a file, the newest rows first."""
    name = f"{desk.opts.app_label}-{desk.opts.model_name}.csv"
    return csvs.as_file(request, name, _lines(queryset, desk, columns))


def _lines(queryset: QuerySet[Any], desk: Any, columns: list[str]) -> Iterator[str]:
    heads = [capfirst(str(label_for_field(name, desk.model, desk))) for name in columns]
    yield csvs.BYTE_ORDER_MARK + csvs.written([heads])
    rows, last = queryset.order_by("-pk"), None
    while True:
        # Each piece is a query of its own that begins behind the last row: no cursor stays open meanwhile.
        found = list((rows if last is None else rows.filter(pk__lt=last))[: csvs.CHUNK])
        if found:
            yield csvs.written([[_cell(name, row, desk) for name in columns] for row in found])
        if len(found) < csvs.CHUNK:
            return
        last = found[-1].pk


def _cell(name: str, row: Any, desk: Any) -> str:
    try:
        field, _attribute, value = lookup_field(name, row, desk)
    except ObjectDoesNotExist:
        return ""
    if field is not None and getattr(field, "flatchoices", None):
        value = dict(field.flatchoices).get(value, value)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = strip_tags(value) if isinstance(value, SafeString) else str(value)
    return csvs.harmless(text)
