"""Pictures without a model: a tiled star pattern whose colours come from the prompt, as PNG."""

import colorsys
import hashlib
import math
import random
import struct
import zlib
from functools import lru_cache

_TILE = 96
_BIG = 1200  # pixels a side of the incompressible picture: some 4 MB


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, rows: bytes, *, level: int = 6) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows, level))
        + _chunk(b"IEND", b"")
    )


def _colours(prompt: str) -> tuple[bytes, bytes, bytes]:
    """Ground, star and line."""
    hue = hashlib.blake2b(prompt.encode("utf-8", "surrogatepass")).digest()[0] / 255

    def colour(shift: float, light: float, strength: float) -> bytes:
        parts = colorsys.hls_to_rgb((hue + shift) % 1, light, strength)
        return bytes(round(255 * part) for part in parts)

    return colour(0.0, 0.22, 0.45), colour(0.08, 0.62, 0.5), colour(0.12, 0.88, 0.6)


def _depth(x: float, y: float) -> float:
    """How far inside an eight-pointed star (two squares, one turned) a point lies; negative outside."""
    straight = 0.62 - max(abs(x), abs(y))
    turned = 0.62 - (abs(x) + abs(y)) / math.sqrt(2)
    return max(straight, turned)


def _tile(prompt: str) -> list[bytes]:
    ground, star, line = _colours(prompt)
    rows = []
    for row in range(_TILE):
        y = 2 * (row + 0.5) / _TILE - 1
        pixels = bytearray()
        for column in range(_TILE):
            depth = _depth(2 * (column + 0.5) / _TILE - 1, y)
            pixels += line if abs(depth) < 0.03 or abs(depth - 0.2) < 0.02 else star if depth > 0 else ground
        rows.append(bytes(pixels))
    return rows


@lru_cache(maxsize=32)
def pattern(prompt: str, width: int, height: int) -> bytes:
    """A PNG of that size, the same for the same prompt."""
    tile = [(row * (width // _TILE + 1))[: 3 * width] for row in _tile(prompt)]
    return _png(width, height, b"".join(b"\0" + tile[row % _TILE] for row in range(height)))


def shape(side: int, ratio: str) -> tuple[int, int] | None:
    """Width and height of a picture whose longer side is `side`; None for what is no ratio."""
    across, _, down = ratio.partition(":")
    if not (across.isdecimal() and down.isdecimal() and int(across) and int(down)):
        return None
    wide, high = int(across), int(down)
    return side * wide // max(wide, high), side * high // max(wide, high)


def wished(wish: str, prompt: str, width: int, height: int) -> bytes:
    """The picture that a prompt gets: a pattern, or what `[[image:...]]` asks for instead. Nothing for `none`."""
    if wish == "big":
        return noise(prompt)
    return pattern(prompt, width, height) if wish not in _STRANGE else _STRANGE[wish]


@lru_cache(maxsize=2)
def noise(prompt: str) -> bytes:
    """A PNG that no compression makes smaller, for multi-megabyte lines."""
    source = random.Random(prompt)  # noqa: S311 - a picture, no secret
    row = 3 * _BIG
    return _png(_BIG, _BIG, b"".join(b"\0" + source.randbytes(row) for _ in range(_BIG)), level=0)


# What a client must not take for a picture: too large for any memory, no picture at all, half of one.
_STRANGE = {
    "none": b"",
    "bomb": _png(50_000, 50_000, b"\0" * 9, level=0),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "broken": _png(64, 64, b"\0" * 9)[:-30],
}
