"""Why a file is refused: one error with a code and a sentence for a person."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """The reasons, under names that stay."""

    UNKNOWN_TYPE = "unsupported_type"
    LYING_TYPE = "type_mismatch"
    BROKEN = "broken_file"
    ENCRYPTED = "encrypted_file"
    TOO_LARGE = "file_too_large"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_LONG = "recording_too_long"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_EXPENSIVE = "file_too_expensive"
    BUSY = "files_busy"


class FileRefused(Exception):
    """A file that is not taken. `detail` is a sentence for a person, without the file's name."""

    def __init__(self, why: Why, detail: str) -> None:
        self.why = why
        self.detail = detail
        super().__init__(f"{why}: {detail}")


def broken(detail: str = "The file is damaged; it can't be read.") -> FileRefused:
    """Return the refusal of a file that does not obey its own format."""
    return FileRefused(Why.BROKEN, detail)
