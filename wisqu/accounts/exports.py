"""Everything kept about a person, to take along. Upper apps register what they keep."""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, BinaryIO

from wisqu.accounts.models import User
from wisqu.api.bodies import encode_json
from wisqu.files import sealing, storage

Part = Callable[[User], Any]
Files = Callable[[User], Iterable[tuple[str, str]]]

_parts: dict[str, Part] = {}
_files: dict[str, Files] = {}


def register(name: str, function: Part) -> None:
    """Add a part: `function(user)` returns values that JSON can hold.

    Raises ValueError for a name that is taken.
    """
    if _parts.get(name, function) is not function:
        raise ValueError(f"the export has a part {name} already")
    _parts[name] = function


def register_files(name: str, function: Files) -> None:
    """Add a folder of files: `function(user)` yields what each is called there, and the key it is kept under."""
    _files[name] = function


def export(user: User) -> dict[str, Any]:
    """Return every part by its name."""
    return {name: function(user) for name, function in sorted(_parts.items())}


def archive(user: User) -> BinaryIO:
    """Return a ZIP file of everything, read from its start: `export.json`, and the files as they are kept.

    It grows on disk, not in memory. A file that is gone is left out: its row says what it was.
    """
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("export.json", encode_json(export(user)), zipfile.ZIP_DEFLATED)
        for folder, function in sorted(_files.items()):
            pack(packed, folder, function(user))
    file.seek(0)
    return file


def pack(packed: zipfile.ZipFile, folder: str, files: Iterable[tuple[str, str]]) -> None:
    """Add files (name and key) as they are kept, each with its seal; one that is gone is left out."""
    for name, key in files:
        with suppress(FileNotFoundError):
            data = storage.read(key)
            entry = zipfile.ZipInfo(f"{folder}/{name}", date_time=time.gmtime()[:6])
            entry.external_attr = 0o600 << 16
            entry.comment = sealing.seal(data, folder=folder).encode()
            packed.writestr(entry, data)


def account_facts(user: User) -> dict[str, Any]:
    """Return what this app keeps; secrets and their hashes are no facts about a person."""
    facts = ("id", "email", "name", "language", "theme", "time_zone", "tradition", "joined_at", "last_login")
    return {
        **{name: getattr(user, name) for name in facts},
        "email_addresses": list(user.addresses.values("email", "verified", "primary")),
        "api_keys": list(
            user.api_keys.values("id", "name", "prefix", "scopes", "created_at", "last_used_at", "revoked_at")
        ),
        "sign_ins": list(user.token_families.values("id", "created_at", "revoked_at")),
    }


register("account", account_facts)
