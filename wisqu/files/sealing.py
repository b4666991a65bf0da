"""Marks on files that are given out, by which they are known when they come back.

A picture is written anew when it arrives, and loses a little by it each time. One that this site itself gave out was
written by us: its seal says so, and it may stay as it is. Whoever changes a byte breaks the seal.
"""

from __future__ import annotations

import hashlib

from django.utils.crypto import constant_time_compare, salted_hmac


def seal(data: bytes, *, folder: str) -> str:
    """Return the mark (64 hexadecimal digits) of a file that is kept in that folder."""
    digest = hashlib.sha256(data).hexdigest()
    return salted_hmac(f"wisqu.files.sealing.{folder}", digest, algorithm="sha256").hexdigest()


def is_sealed(data: bytes, mark: str, *, folder: str) -> bool:
    """Tell whether these very bytes were given out of that folder by this site."""
    return constant_time_compare(mark, seal(data, folder=folder))
