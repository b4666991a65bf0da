"""Conversations out of a ZIP with their files: what a person took along here, or at ChatGPT.

The JSON goes to the disk and is looked through there; one conversation at a time is in memory. The files come first,
so that a request which is cut off, or told to come again, has left no half of a conversation behind.
"""

from __future__ import annotations

import mmap
import re
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from typing import Any, BinaryIO

from django.conf import settings

from chat import importing
from chat.importing import NotReadable, Outcome
from chat.luggage import Luggage, places_in
from wisqu.api.bodies import parse_json
from wisqu.api.problems import Problem
from wisqu.media.refusals import FileRefused, Why
from wisqu.media.zips import Zip

MOST_CONVERSATIONS = 5_000
LARGEST_CONVERSATION = 5_000_000  # bytes of JSON
LARGEST_JSON = 64_000_000  # bytes of all JSON files together
# Texts and brackets. So many take a processor ten seconds, and honest files have fewer: one in ten bytes, or less.
_MOST_TOKENS = 8_000_000
_AT_ONCE = 2
_EXPORT = "export.json"
# A text without an end goes on to the end, and nothing is tried a second time: texts of millions of escapes are cheap.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]]', re.DOTALL)
_IS_CONVERSATION = re.compile(rb'"(?:messages|mapping)"\s*:')
_OPENING, _CLOSING, _QUOTE = b"{[", b"}]", ord('"')
_LONGEST_KEY = 20

_lock = threading.Lock()
_at_work: set[uuid.UUID] = set()


def take_over(*, owner_id: uuid.UUID, file: BinaryIO) -> Outcome:
    """Store the conversations of a ZIP, and the files that they name, under their new owner. May take half a minute.

    Raises Problem 422 `broken_file`, `file_too_large`, `unknown_format`, `too_many_conversations` or
    `too_many_messages`, and 503 `files_busy`; the same ZIP sent again then goes on where it was told to wait.
    """
    try:
        with _turn(owner_id), tempfile.TemporaryFile() as texts:
            # Each file of a person may be read once, and what tells of them.
            zipped = Zip(file, most=settings.ATTACHMENT_STORAGE_BYTES + LARGEST_JSON)
            return _take_over(owner_id, zipped, texts)
    except FileRefused as refused:
        raise Problem(422, refused.why.value, refused.detail) from refused


def _take_over(owner_id: uuid.UUID, zipped: Zip, texts: BinaryIO) -> Outcome:
    found = ((view, *place) for view in _texts(zipped, texts) for place in _conversations_in(view))
    places = list(islice(found, MOST_CONVERSATIONS + 1))
    if not places and _EXPORT not in zipped.names:
        raise Problem(422, "unknown_format", "No conversation is in this ZIP file.")
    if len(places) > MOST_CONVERSATIONS:
        detail = f"Send at most {MOST_CONVERSATIONS:,} conversations at a time."
        raise Problem(422, "too_many_conversations", detail)
    named = importing.files_of(owner_id, places, read=_value, among=places_in(zipped))
    luggage = Luggage(owner_id)
    luggage.take_in(zipped, named)
    return importing.bring(owner_id, places, luggage=luggage, read=_value)


@contextmanager
def _turn(owner_id: uuid.UUID) -> Iterator[None]:
    """Let few of these run at once in a process, and one for a person: each takes a thread for as long as it lasts."""
    with _lock:
        if owner_id in _at_work or len(_at_work) >= _AT_ONCE:
            detail = "Other imports are under way. Try again in a moment."
            raise Problem(503, Why.BUSY.value, detail, headers={"Retry-After": "5"})
        _at_work.add(owner_id)
    try:
        yield
    finally:
        with _lock:
            _at_work.discard(owner_id)


# --- Finding conversations in JSON ------------------------------------------------------------------


def _texts(zipped: Zip, to: BinaryIO) -> list[memoryview]:
    """Return the JSON files of a ZIP, put one behind the other on the disk."""
    names = [_EXPORT] if _EXPORT in zipped.names else [each for each in zipped.names if _is_json(each)]
    ends, left = [0], LARGEST_JSON
    for name in names:
        length = zipped.copy(name, to, most=left)
        left -= length
        ends.append(ends[-1] + length)
    to.flush()
    if not ends[-1]:
        return []
    whole = memoryview(mmap.mmap(to.fileno(), 0, access=mmap.ACCESS_READ))
    return [whole[begin:end] for begin, end in pairwise(ends)]


def _is_json(name: str) -> bool:
    return name.lower().endswith(".json") and not name.startswith("__MACOSX/")


def _conversations_in(text: memoryview) -> Iterator[tuple[int, int]]:
    """Yield where each conversation of a JSON text begins and ends. What is malformed is found when they are read."""
    level: int | None = None  # how deep they lie
    depth, begin, key = 0, 0, b""
    for here, end, sign in _tokens(text):
        if sign == _QUOTE:
            if depth == 1:
                key = bytes(text[here + 1 : min(end - 1, here + _LONGEST_KEY)])
        elif sign in _OPENING:
            level = _level(depth, sign, key) if level is None else level
            if level == 0:
                yield 0, len(text)
                return
            begin = here if depth == level else begin
            depth += 1
        else:
            depth -= 1
            if depth == level and sign == _CLOSING[0] and _is_conversation(text[begin:end], level):
                yield begin, end
            if depth < (level or 0):
                return


def _tokens(text: memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield texts and brackets: where each begins and ends, and its first byte."""
    for count, token in enumerate(_TOKEN.finditer(text)):
        if count > _MOST_TOKENS:
            raise FileRefused(Why.TOO_LARGE, "The JSON in this ZIP file is too large.")
        yield *token.span(), text[token.start()]


def _level(depth: int, sign: int, key: bytes) -> int | None:
    """Tell from a bracket how deep conversations lie: in a list, in the list `conversations`, or here is but one."""
    if depth == 0:
        return 1 if sign == _OPENING[1] else None
    if depth == 1 and key in (b"messages", b"mapping"):
        return 0
    return 2 if depth == 1 and key == b"conversations" and sign == _OPENING[1] else None


def _is_conversation(text: memoryview, level: int) -> bool:
    """Tell whether an object is meant as a conversation: ChatGPT's lists hold other things as well."""
    return level == 2 or _IS_CONVERSATION.search(text) is not None


def _value(place: tuple[memoryview, int, int]) -> Any:
    text, begin, end = place
    if end - begin > LARGEST_CONVERSATION:
        raise NotReadable(f"It has more than {LARGEST_CONVERSATION // 1_000_000} MB.")
    try:
        return parse_json(bytes(text[begin:end]))
    except Problem as problem:
        raise NotReadable(problem.detail) from problem
