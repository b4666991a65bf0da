"""Pages of lists: cursors, so that rows neither repeat nor vanish while the list grows."""

from __future__ import annotations

from rest_framework import pagination


class CursorPagination(pagination.CursorPagination):
    """`{results, next, previous}` with `?limit=` up to 100; a view may set its own `ordering`."""

    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    ordering = "-id"
    cursor_query_description = "Where to go on; taken from `next` or `previous` of a page."
    page_size_query_description = "How many rows a page, 1 to 100."
