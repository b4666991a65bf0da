"""PDF files: how many pages they have, and their text. Jobs of `wisqu.media.worker`."""

from __future__ import annotations

import io
import logging
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from wisqu.media import reading
from wisqu.media.refusals import FileRefused, Why, broken

# Processor time of the whole process after which no more text is read: the rest of a long file is read by other calls.
_TEXT_UNTIL_S = 1.1
# What PostgreSQL or JSON would not take, and what only steers a printer.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_ENCRYPTED = "The PDF is locked with a password. Save it without one and attach it again."
# After the last end mark nothing but blanks belongs into a file; some programs leave a line of their own.
_MOST_AFTER_THE_END = 1024

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # a damaged file makes thousands of warnings


class _TimeIsUp(BaseException):
    """Not an `Exception`: the reader's own error handling must not swallow it."""


def inspect(data: bytes, *, max_pages: int, most_characters: int) -> dict[str, Any]:
    """Return `pages`, `text` (of as many pages as there was time for) and `next_page`, from which `read` goes on.

    `next_page` is None when all was read. Raises FileRefused.
    """
    reader = _open(data)
    pages = len(reader.pages)
    if not pages:
        raise broken("The PDF has no pages.")
    if pages > max_pages:
        detail = f"The PDF has {pages:,} pages; at most {max_pages:,} are taken. Attach a part of it."
        raise FileRefused(Why.TOO_MANY_PAGES, detail)
    return {"pages": pages, **_text(reader, 0, most_characters)}


def read(data: bytes, *, first_page: int, most_characters: int) -> dict[str, Any]:
    """Return `text` and `next_page` as `inspect` does, beginning with the page of that number (from 0)."""
    return _text(_open(data), first_page, most_characters)


def _open(data: bytes) -> PdfReader:
    if _holds_something_else(data):
        raise broken(
            "Behind the end of the PDF there is another file. Save the PDF anew and attach it again."
        )
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise FileRefused(Why.ENCRYPTED, _ENCRYPTED)
    except (PyPdfError, NotImplementedError) as error:
        raise broken("The PDF is damaged; it can't be read.") from error
    return reader


def _holds_something_else(data: bytes) -> bool:
    """Tell whether more than blanks follows the last end mark: a second file in one is a trick."""
    end = data.rfind(b"%%EOF")
    rest = data[end + 5 :].strip(b"\x00\r\n\t ") if end >= 0 else b""
    is_archive = b"PK\x05\x06" in data[-70_000:] and b"PK\x01\x02" in data
    return is_archive or len(rest) > _MOST_AFTER_THE_END


def _text(reader: PdfReader, first_page: int, most_characters: int) -> dict[str, Any]:
    texts: list[str] = []
    size, page = 0, first_page
    try:
        with _time_limit():
            for page in range(first_page, len(reader.pages)):
                texts.append(_page_text(reader, page))
                size += len(texts[-1])
                if size > most_characters:
                    return {"text": "\n\n".join(texts)[:most_characters], "next_page": None}
    except _TimeIsUp:
        # A page that alone takes all the time is left out, else nothing would ever follow it.
        return {"text": "\n\n".join(texts), "next_page": page if texts else page + 1}
    return {"text": "\n\n".join(texts), "next_page": None}


def _page_text(reader: PdfReader, number: int) -> str:
    try:
        page = reader.pages[number]
        text = page.extract_text()
        if reading.is_rtl(text):
            text = reading.in_reading_order(page.extract_text(extraction_mode="layout"))
        return _UNPRINTABLE.sub("", text).strip()
    except Exception:  # a page that can't be read costs its own text only
        return ""


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise _TimeIsUp inside the block once the process has used so much processor time."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGVTALRM, stop)
    # Again and again: raised in the callback of a weak reference, for one, it is lost.
    signal.setitimer(signal.ITIMER_VIRTUAL, max(0.05, _TEXT_UNTIL_S - time.process_time()), 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
