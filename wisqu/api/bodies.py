"""JSON in and out of the API, strict on the way in: what Python's own parser lets through or dies of is a 400 here."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.renderers import BaseRenderer

from wisqu.api.problems import Problem

_NUL = "\x00"
_PIECE = 256 * 1024


def parse_json(raw: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises Problem 400 `invalid_json` for malformed text, NaN, bad UTF-8, lone surrogates and absurd depth, and for
    NUL characters, which no text column of PostgreSQL can hold.
    """
    try:
        value = msgspec.json.decode(raw)
        suspicious = b"u0000" in raw if isinstance(raw, bytes) else "u0000" in raw
        if suspicious and _holds_nul(value):
            raise Problem(400, "invalid_json", "The body holds a NUL character; take it out.")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Problem(400, "invalid_json", f"The body is not valid JSON: {reason}.") from None
    return value


def parse_object(raw: bytes | str) -> dict[str, Any]:
    """Return a JSON object; any other value is Problem 400 `invalid_json`."""
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise Problem(400, "invalid_json", "The body must be a JSON object.")
    return value


def _holds_nul(value: Any) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if _NUL in item:
                return True
        elif isinstance(item, dict):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False


class StrictJSONParser(BaseParser):
    """DRF's door to `parse_json`."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Read the request's body."""
        return parse_json(stream.read())


class ZipParser(BaseParser):
    """A ZIP as the whole body: the file `file` of the request, on the disk."""

    media_type = "application/zip"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> DataAndFiles[Any, Any]:
        """Read the request's body, a piece at a time."""
        file = TemporaryUploadedFile("import.zip", self.media_type, 0, None)
        while piece := stream.read(_PIECE):
            file.write(piece)
        file.size = file.tell()
        file.seek(0)
        return DataAndFiles(QueryDict(mutable=True), MultiValueDict({"file": [file]}))


class JSONRenderer(BaseRenderer):
    """DRF's answers by msgspec: UUIDs, aware datetimes and Decimals (as numbers) need no help."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return the bytes of the answer."""
        return b"" if data is None else encode_json(data)


_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def encode_json(data: Any) -> bytes:
    """Return JSON: money as a number, times in RFC 3339, anything unknown (lazy text) by its text."""
    return _encoder.encode(data)
