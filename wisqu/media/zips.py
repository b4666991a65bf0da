"""ZIP files of strangers, read within limits.

Nothing is unpacked to a path, so that no name leads anywhere. Nothing that a ZIP says of its sizes is believed: what is
unpacked is counted, each entry and all of them together, and the directory is refused before it fills the memory.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from wisqu.media.refusals import FileRefused, Why, broken

# Of its entries' names and places. What is made of it takes up to fifteen times as much memory.
LARGEST_DIRECTORY = 2_000_000
_PIECE = 64 * 1024
# Others need memory as a stranger likes it, and no program packs by them unasked.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError, OSError,
)  # fmt: skip


class Zip:
    """An opened ZIP file. Its `names` are those of its entries, to be compared with, never to be followed."""

    def __init__(self, file: BinaryIO, *, most: int) -> None:
        """Read the directory; `most` is how many bytes may be unpacked of it in all. Raises FileRefused."""
        try:
            self._zip = zipfile.ZipFile(_Careful(file))
        except _DAMAGE:
            raise broken("This is no ZIP file, or it is damaged.") from None
        self.names = {entry.filename: entry for entry in self._zip.infolist() if not entry.is_dir()}
        self._left = most

    def note(self, name: str) -> str:
        """Return what its packer noted beside an entry."""
        return self.names[name].comment.decode("ascii", "replace")

    def read(self, name: str, *, most: int) -> bytes:
        """Return an entry. Raises FileRefused for one that is larger than `most` (bytes), or damaged."""
        file = io.BytesIO()
        self.copy(name, file, most=most)
        return file.getvalue()

    def copy(self, name: str, to: BinaryIO, *, most: int) -> int:
        """Write an entry to a file and return its length, as `read` does."""
        length = 0
        for piece in self._pieces(self.names[name]):
            length += len(piece)
            self._left -= len(piece)
            if length > most or self._left < 0:
                raise FileRefused(Why.TOO_LARGE, "It is too large when it is unpacked.")
            to.write(piece)
        return length

    def _pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        if entry.compress_type not in _METHODS or entry.flag_bits & _ENCRYPTED:
            raise broken("It is packed in a way that is not read here.")
        try:
            file = self._zip.open(entry)
        except _DAMAGE:
            raise broken() from None
        with file:
            while True:
                try:
                    piece = file.read(_PIECE)
                except _DAMAGE:
                    raise broken() from None
                if not piece:
                    return
                yield piece


class _Careful:
    """A file that gives little at a time: a directory is read in one go, however long its ZIP says it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self._file.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > LARGEST_DIRECTORY:
            raise zipfile.BadZipFile("the directory is too long")
        return self._file.read(wanted)
