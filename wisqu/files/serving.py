"""Sending a file to its owner: by this process, by nginx, or by the bucket itself, as FILE_SERVING says.

The caller has made sure that the file is the asker's. Whoever sends it says the same: what it is (never guessed), that
it may be kept for ever by this browser alone, and that it is no page: a browser runs nothing of it. Only pictures and
sound are shown in place; everything else is saved.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from typing import Any, BinaryIO
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from wisqu.api.problems import NotFound

# These can't hold scripts. Whoever else asks for `inline` gets a file to save.
SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif"}
    | {"audio/wav", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/flac", "audio/webm"}
)
_HEADERS = {
    # Behind a key there is always the same; another person on this machine gets nothing from a shared cache.
    "Cache-Control": "private, max-age=31536000, immutable",
    "Vary": "Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# An address is good for ten minutes (see `bucket` in wisqu.envvalues); what leads there is kept for less.
_SIGNED_CACHE = "private, max-age=480"
_IN_ONE_PIECE = 256 * 1024
_PIECE = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def serve(
    request: HttpRequest, key: str, *, media_type: str, name: str, as_download: bool = False
) -> HttpResponseBase:
    """Return the answer that sends the file; `name` is what it is saved as. Raises NotFound for a file that is gone."""
    is_shown = media_type in SHOWN and not as_download
    disposition = _disposition("inline" if is_shown else "attachment", name)
    # A script of ours may not read what another server sends.
    if settings.FILE_SERVING == "signed" and request.headers.get("Sec-Fetch-Dest") != "empty":
        return _redirected(key, media_type, disposition)
    etag = f'"{key.rpartition("/")[2]}"'
    headers = {**_HEADERS, "Content-Disposition": disposition, "ETag": etag}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    headers["Content-Type"] = media_type
    if settings.FILE_SERVING == "x-accel":
        return HttpResponse(headers={**headers, "X-Accel-Redirect": settings.X_ACCEL_LOCATION + quote(key)})
    return _sent(request, key, headers)


def send_file(file: BinaryIO, *, name: str, media_type: str) -> HttpResponseBase:
    """Return the answer that sends a file which was made for this one asker, and closes it."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    headers = {
        **_HEADERS,
        "Cache-Control": "no-store",
        "Content-Type": media_type,
        "Content-Length": str(size),
    }
    headers["Content-Disposition"] = _disposition("attachment", name)
    return StreamingHttpResponse(_pieces(file, size), headers=headers)


def _redirected(key: str, media_type: str, disposition: str) -> HttpResponse:
    """Send the browser to the bucket; the address is good for this one file and a few minutes."""
    storage: Any = default_storage
    told = {"ResponseContentType": media_type, "ResponseContentDisposition": disposition}
    address = storage.url(key, parameters={**told, "ResponseCacheControl": _HEADERS["Cache-Control"]})
    headers = {
        "Location": address,
        "Cache-Control": _SIGNED_CACHE,
        "Vary": f"{_HEADERS['Vary']}, Sec-Fetch-Dest",
    }
    return HttpResponse(status=302, headers=headers)


def _sent(request: HttpRequest, key: str, headers: dict[str, str]) -> HttpResponseBase:
    try:
        file: Any = default_storage.open(key, "rb")
    except FileNotFoundError:
        raise NotFound from None
    size: int = file.size
    headers["Accept-Ranges"] = "bytes"
    wanted = _range(request.headers.get("Range", ""), size)
    if wanted is None:
        file.close()
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = wanted
    status = 200 if end - start == size else 206
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    file.seek(start)
    if end - start <= _IN_ONE_PIECE or request.method == "HEAD":
        with file:
            return HttpResponse(file.read(end - start), status=status, headers=headers)
    return StreamingHttpResponse(_pieces(file, end - start), status=status, headers=headers)


def _range(header: str, size: int) -> tuple[int, int] | None:
    """Return where to begin and end; the whole file without a (single) range, None for one that is outside."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return (max(0, size - int(found[2])), size) if int(found[2]) and size else None
    start, last = int(found[1]), int(found[2]) if found[2] else size - 1
    return (start, min(last + 1, size)) if start <= last and start < size else None


async def _pieces(file: BinaryIO, left: int) -> AsyncIterator[bytes]:
    """Yield the file piece by piece: many large files at once take little memory, and hold up no loop."""
    try:
        while left and (piece := await asyncio.to_thread(file.read, min(_PIECE, left))):
            left -= len(piece)
            yield piece
    finally:
        file.close()


def _disposition(kind: str, name: str) -> str:
    plain = re.sub(r"[^\w .-]", "_", name.encode("ascii", "ignore").decode()).strip(" .") or "file"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
