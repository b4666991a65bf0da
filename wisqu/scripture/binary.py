"""Texts and arrays of numbers in one file: each part after its kind and length, numbers lowest byte first."""

from __future__ import annotations

import struct
import sys
from array import array
from typing import TypeAlias

Part: TypeAlias = "str | array[int]"

_HEAD = struct.Struct("<cI")
_TEXT = b"u"


def pack(*parts: Part) -> bytes:
    """Return the parts as bytes."""
    packed = []
    for part in parts:
        raw = part.encode() if isinstance(part, str) else _turned(part).tobytes()
        kind = _TEXT if isinstance(part, str) else part.typecode.encode()
        packed += [_HEAD.pack(kind, len(raw)), raw]
    return b"".join(packed)


def unpack(raw: bytes) -> list[Part]:
    """Return the parts of what `pack` has made."""
    parts: list[Part] = []
    at = 0
    while at < len(raw):
        kind, size = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        if kind == _TEXT:
            parts.append(raw[at : at + size].decode())
        else:
            numbers = array(kind.decode())
            numbers.frombytes(raw[at : at + size])
            parts.append(_turned(numbers))
        at += size
    return parts


def _turned(numbers: array[int]) -> array[int]:
    """Return the numbers with their lowest byte first, or back; the same ones where the machine writes them so."""
    if sys.byteorder == "little":
        return numbers
    turned = numbers[:]
    turned.byteswap()
    return turned
