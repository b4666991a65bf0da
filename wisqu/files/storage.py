"""Where files are kept: a folder or a bucket, as FILE_STORAGE_URL says (Django's default storage).

A key names a file: `images/2026/11/23/<id>.png`. The id is a UUIDv7, so a key tells by itself when it was made, and is
never used twice: what is behind a key never changes. Which keys exist is said by rows alone. A file is written before
its row is committed and deleted after its row is gone, so what a dead process leaves behind is at worst a file without
a row; `sweep` finds those.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from wisqu.api.ids import uuid7

log = logging.getLogger(__name__)

# A file that is older than this and has no row yet will never have one.
UNCLAIMED_AFTER = timedelta(hours=1)
_AT_ONCE = 500
_SAFE = re.compile(r"[a-z0-9_]{1,40}")


def save(*, folder: str, ending: str, data: bytes) -> str:
    """Keep the bytes and return their key. `folder` and `ending` are plain words of ours, never a stranger's."""
    if not (_SAFE.fullmatch(folder) and _SAFE.fullmatch(ending)):
        raise ValueError("a folder and an ending are plain words")
    file_id = uuid7()
    key = f"{folder}/{_moment(file_id):%Y/%m/%d}/{file_id}.{ending}"
    saved = default_storage.save(key, ContentFile(data))
    assert saved == key, "a key is used once"
    return key


def read(key: str) -> bytes:
    """Return the bytes behind a key. Raises FileNotFoundError, and whatever else the storage raises."""
    with default_storage.open(key, "rb") as file:
        data: bytes = file.read()
    return data


def delete(*keys: str) -> None:
    """Delete files; what can't be deleted now is left to `sweep`. Empty keys, and files that are gone, are no error."""
    for key in filter(None, keys):
        try:
            default_storage.delete(key)
        except Exception:  # whatever a storage raises: each kind has errors of its own
            log.warning("a file could not be deleted", extra={"key": key}, exc_info=True)


def delete_on_commit(*keys: str) -> None:
    """Delete files once the transaction that deletes their rows is committed."""
    transaction.on_commit(lambda: delete(*keys))


def sweep(folder: str, *, known: Callable[[list[str]], Iterable[str]]) -> int:
    """Delete the files of a folder that have no row, and return how many; new ones are left alone.

    `known` returns those of the given keys that a row has.
    """
    before, deleted = timezone.now() - UNCLAIMED_AFTER, 0
    for keys in _batches(_keys(folder, before=before)):
        orphans = set(keys) - set(known(keys))
        delete(*orphans)
        deleted += len(orphans)
    return deleted


def _keys(folder: str, *, before: datetime) -> Iterator[str]:
    """Yield the keys under a folder that were made before a moment."""
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        moment = _made_at(name)
        if moment is None or moment < before:
            yield f"{folder}/{name}"
    for each in filter(None, folders):
        yield from _keys(f"{folder}/{each}", before=before)


def _batches(keys: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for key in keys:
        batch.append(key)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _made_at(name: str) -> datetime | None:
    try:
        return _moment(uuid.UUID(name.partition(".")[0]))
    except ValueError:
        return None


def _moment(file_id: Any) -> datetime:
    """Return the moment that a UUIDv7 begins with."""
    return datetime.fromtimestamp((int(file_id) >> 80) / 1000, UTC)
