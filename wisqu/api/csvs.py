"""CSV that no spreadsheet runs: cells made harmless, rows sent as they come."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from wisqu.api.threads import in_thread

# Spreadsheets take a text that begins like this for a formula, and run it.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
# Excel reads a file without this mark in the machine's own old encoding.
BYTE_ORDER_MARK = "\ufeff"
# How many rows leave at once.
CHUNK = 1000


def harmless(value: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula. Numbers stay numbers."""
    if not value.startswith(DANGEROUS) or _is_number(value):
        return value
    return f"'{value}"


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


def written(rows: Iterable[Iterable[str]]) -> str:
    """Return rows of cells, which are harmless already, as lines."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield a table in pieces, its heads first: None is an empty cell, everything else its text, made harmless."""
    yield BYTE_ORDER_MARK + written([list(heads)])
    piece: list[list[str]] = []
    for row in rows:
        piece.append(["" if value is None else harmless(_text(value)) for value in row])
        if len(piece) == CHUNK:
            yield written(piece)
            piece = []
    if piece:
        yield written(piece)


def _text(value: Any) -> str:
    # Spreadsheets read no exponents of the kind that Decimal writes for small amounts.
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def as_file(request: HttpRequest, name: str, pieces: Iterator[str]) -> StreamingHttpResponse:
    """Return the answer that a browser keeps as a file; each piece is made when it is sent."""
    # Under ASGI Django would read a plain iterator to its end before it sends anything.
    body: Any = _hopping(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(body, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


async def _hopping(pieces: Iterator[str]) -> AsyncIterator[str]:
    while (piece := await in_thread(next, pieces, None)) is not None:
        yield piece
