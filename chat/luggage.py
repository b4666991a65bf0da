"""The files that imported conversations name: found in the account, or taken out of the ZIP they came in.

A file of a ZIP goes the way of every other file that is sent here (`chat.attaching.take`), through the same checks and
against the same limits. What can't be taken is left out, and told; its conversation comes all the same.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from chat import attaching, enclosing
from chat.models import Attachment, Message
from wisqu.api.problems import Problem
from wisqu.files import sealing
from wisqu.media.refusals import FileRefused, Why
from wisqu.media.zips import Zip

# In one request. Whoever brings more is asked to send the same again, and what is here by then costs nothing.
READING_S = 25.0
# As long again may go by with nothing but refusals; who packs a thousand files that die slowly is not waited for.
_FRUITLESS_S = 2 * READING_S
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_TOLD = 500
_AT_ONCE = 5_000  # values in one query
_TOO_LATE = (Why.BUSY.value, "The files before it took all the time that there was.")
_MISSING = ("file_missing", "It is neither in the ZIP file nor in your account.")


@dataclass(frozen=True, slots=True)
class Named:
    """A file as a message of an import names it: the id that it had where it comes from, and what it was called."""

    id: str
    name: str = ""
    media_type: str = ""


def places_in(zipped: Zip) -> dict[str, str]:
    """Return the entries of a ZIP that may be files which questions name, by the id that each bears as its name."""
    entries = {place.rpartition("/")[2].partition(".")[0]: place for place in zipped.names}
    return {each: place for each, place in entries.items() if _UUID.fullmatch(each)}


class Luggage:
    """The files of one import, and what became of them."""

    def __init__(self, owner_id: uuid.UUID) -> None:
        self._owner_id = owner_id
        self._places: dict[str, str] = {}  # the id of a file here by the one that it had
        self._refused: dict[str, tuple[str, str]] = {}
        self._bound: set[str] = set()
        self._left_out: dict[str, dict[str, str]] = {}

    def take_in(self, zipped: Zip, named: Iterable[Named]) -> None:
        """Take these files out of a ZIP, but those that are in the account still. Blocks for up to `READING_S`.

        Raises Problem 503 `files_busy` where there are more than there was time for; the next try goes on from there.
        Where it would not, because all that was opened is refused, the others are left out after twice that time.
        """
        entries = places_in(zipped)
        wanted = {each.id: each for each in named if each.id in entries}
        for known in self._mine(wanted):
            wanted.pop(str(known.id))
        began, since = timezone.now(), time.monotonic()
        for done, each in enumerate(wanted.values()):
            seconds = time.monotonic() - since
            if seconds > READING_S and self._has_come_on(began):
                detail = f"{done} of {len(wanted)} files are read. Send the same again, and the rest is."
                raise Problem(503, Why.BUSY.value, detail, headers={"Retry-After": "1"})
            if seconds > _FRUITLESS_S:
                self._refused[each.id] = _TOO_LATE
            else:
                self._take(zipped, entries[each.id], each)

    def _has_come_on(self, began: Any) -> bool:
        """Tell whether another try would get further than this one: a file was taken that was not here before."""
        return Attachment.objects.for_owner(self._owner_id).filter(created_at__gte=began).exists()

    def _take(self, zipped: Zip, entry: str, named: Named) -> None:
        try:
            data = zipped.read(entry, most=settings.ATTACHMENT_MAX_BYTES)
            is_ours = sealing.is_sealed(data, zipped.note(entry), folder=attaching.FOLDER)
            taken = attaching.take(
                owner_id=self._owner_id,
                name=named.name,
                declared=named.media_type,
                data=data,
                is_written_here=is_ours,
            )
        except FileRefused as refused:
            self._refused[named.id] = (refused.why.value, refused.detail)
        except Problem as problem:
            if problem.status >= 500:
                raise
            self._refused[named.id] = (problem.code, problem.detail)
        else:
            self._places[named.id] = str(taken.id)

    def bind(self, wanted: Sequence[tuple[Message, Sequence[Named]]]) -> None:
        """Bind the files to the questions, just stored, that name them. To be called in their transaction."""
        ids = {self._places.get(each.id, each.id) for _, named in wanted for each in named}
        mine = {str(row.id): row for row in self._mine(ids, is_locked=True)}
        bound: list[tuple[Message, list[Attachment]]] = []
        for message, named in wanted:
            found: dict[str, Attachment] = {}
            for each in named:
                row = mine.get(self._places.get(each.id, each.id))
                if row is None:
                    self._leave_out(each, *self._refused.get(each.id, _MISSING))
                elif str(row.id) not in found and len(found) >= settings.ATTACHMENT_MAX_FILES:
                    self._leave_out(each, "too_many_files", "Its question has too many files.")
                else:
                    found[str(row.id)] = row
                    self._bound.add(str(row.id))
            if found:
                message.attached = [enclosing.facts(row) for row in found.values()]
                bound.append((message, list(found.values())))
        Message.objects.bulk_update([message for message, _ in bound], ["attached"], batch_size=100)
        attaching.use(*bound)

    def _leave_out(self, named: Named, reason: str, detail: str) -> None:
        if len(self._left_out) < _MOST_TOLD:
            self._left_out[named.id] = {"name": named.name, "reason": reason, "detail": detail}

    def _mine(self, ids: Iterable[str], *, is_locked: bool = False) -> list[Attachment]:
        wanted = [each for each in ids if _UUID.fullmatch(each)]
        rows = Attachment.objects.for_owner(self._owner_id).for_list()
        rows = rows.select_for_update() if is_locked else rows
        parts = (wanted[begin : begin + _AT_ONCE] for begin in range(0, len(wanted), _AT_ONCE))
        return [row for part in parts for row in rows.filter(id__in=part)]

    @property
    def told(self) -> dict[str, Any]:
        """What became of the files: how many have come along, and each that was left out, with the reason."""
        return {"taken": len(self._bound), "left_out": list(self._left_out.values())}
