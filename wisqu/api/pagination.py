"""Pages of lists: cursors, so that rows neither repeat nor vanish while the list grows."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from rest_framework import pagination
from rest_framework.exceptions import NotFound

from wisqu.api.problems import FieldError, Invalid


class CursorPagination(pagination.CursorPagination):
    """`{results, next, previous}` with `?limit=` up to 100; a view may set its own `ordering`.

    A limit or cursor that can't be is Problem 422; a larger limit than 100 is 100.
    """

    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    ordering = "-id"
    cursor_query_description = "Where to go on; taken from `next` or `previous` of a page."
    page_size_query_description = "How many rows a page, 1 to 100."

    def get_page_size(self, request: Any) -> int:
        """Return how many rows are asked for."""
        asked = request.query_params.get("limit")
        if asked is None:
            return self.page_size
        if not asked.isdecimal() or len(asked) > 9 or int(asked) < 1:
            raise Invalid(errors=[FieldError("limit", "invalid", "A whole number from 1 to 100.")])
        return min(int(asked), self.max_page_size)

    def decode_cursor(self, request: Any) -> Any:
        """Return the place to go on from."""
        try:
            return super().decode_cursor(request)
        except NotFound:
            detail = "Take the cursor from `next` or `previous` of a page."
            raise Invalid(errors=[FieldError("cursor", "invalid", detail)]) from None


def cursor_after(position: Any) -> str:
    """Return the cursor of the page that begins after a row; `position` is the row's value that orders the list."""
    return b64encode(urlencode({"p": str(position)}).encode()).decode()
