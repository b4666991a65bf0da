"""What the file parser returns for a PDF: its annotation, with as much text as a plain reader finds."""

import base64
import binascii
import hashlib
import re
import zlib
from decimal import Decimal
from typing import Any

from wisqu.sandbox.reading import Ask, Attached, pages
from wisqu.sandbox.replies import Extra

_OCR_PER_PAGE = Decimal("0.002")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SHOWN = re.compile(rb"\(((?:\\.|[^\\()])*)\)\s*(?:Tj|'|\")|\[((?:\\.|[^\]\\])*)\]\s*TJ")
_INNER = re.compile(rb"\(((?:\\.|[^\\()])*)\)")
_MOST_TEXT = 20_000


def _bytes(attached: Attached) -> bytes:
    try:
        return base64.b64decode(attached.data.partition("base64,")[2], validate=False)
    except (binascii.Error, ValueError):
        return b""


def text_of(pdf: bytes) -> str:
    """The text of simple PDFs (Latin strings, plain or deflated); empty where nothing is found."""
    found: list[bytes] = []
    for match in _STREAM.finditer(pdf):
        try:
            content = zlib.decompress(match[1])
        except zlib.error:
            content = match[1]
        found += (
            shown[1] if shown[1] is not None else b"".join(_INNER.findall(shown[2]))
            for shown in _SHOWN.finditer(content)
        )
    text = b" ".join(re.sub(rb"\\(.)", rb"\1", each) for each in found)
    return text.decode("latin-1")[:_MOST_TEXT]


def _hash(attached: Attached) -> str:
    return hashlib.sha256(attached.data.encode("utf-8", "surrogatepass")).hexdigest()


def _known(ask: Ask) -> set[str]:
    """Hashes of files whose annotations were sent back: they are not parsed again."""
    known: set[str] = set()
    for message in ask.body["messages"]:
        for annotation in message.get("annotations") or ():
            file = annotation.get("file") if isinstance(annotation, dict) else None
            if isinstance(file, dict):
                known.add(str(file.get("hash")))
    return known


def engine(ask: Ask, *, reads_files: bool) -> str:
    """`native`, `mistral-ocr` or `cloudflare-ai`: as asked for, else native where the model reads files."""
    plugin = ask.plugin("file-parser") or {}
    options = plugin.get("pdf")
    named = options.get("engine") if isinstance(options, dict) else None
    if named == "pdf-text":
        return "cloudflare-ai"
    if isinstance(named, str):
        return named
    return "native" if reads_files else "mistral-ocr"


def annotations(ask: Ask, *, reads_files: bool) -> tuple[list[Extra], Decimal]:
    """The annotations of newly parsed files, and the parser's fee in USD."""
    parser = engine(ask, reads_files=reads_files)
    if parser == "native":
        return [], Decimal(0)
    known = _known(ask)
    fresh = [attached for attached in ask.files if _hash(attached) not in known]
    fee = sum((_OCR_PER_PAGE * pages(attached) for attached in fresh), Decimal(0))
    extras = [Extra({"annotations": [_annotation(attached)]}) for attached in fresh]
    return extras, fee if parser == "mistral-ocr" else Decimal(0)


def _annotation(attached: Attached) -> dict[str, Any]:
    text = text_of(_bytes(attached)) or "(no text was found)"
    parts = [f'<file name="{attached.filename}">', text, "</file>"]
    content = [{"type": "text", "text": part} for part in parts]
    return {"type": "file", "file": {"hash": _hash(attached), "name": attached.filename, "content": content}}
