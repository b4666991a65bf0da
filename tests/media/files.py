"""Small files of every kind, honest and hostile, made on the spot."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from pathlib import Path

import pypdf
from PIL import Image


def pdf(*texts: str) -> bytes:
    """A PDF with one page for each text (Latin letters), readable by anything."""
    return _pdf_of([f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET".encode("latin-1") for text in texts])


def arabic_pdf() -> bytes:
    """A letter about zakat in Arabic, as a browser prints it: with a font inside, and shapes instead of letters."""
    return (Path(__file__).parent / "letter-ar.pdf").read_bytes()


def _pdf_of(contents: list[bytes], *, flate: bool = False) -> bytes:
    pages = [4 + 2 * place for place in range(len(contents))]
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>"
        % (b" ".join(b"%d 0 R" % page for page in pages), len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for page, content in zip(pages, contents, strict=True):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (page + 1)
        )
        head = b"<< /Length %d%s >>" % (len(content), b" /Filter /FlateDecode" if flate else b"")
        objects.append(head + b"\nstream\n" + content + b"\nendstream")
    return _written(objects)


def _written(objects: list[bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        size, table, size, len(out))  # fmt: skip
    return bytes(out)


def locked_pdf() -> bytes:
    """A PDF that wants a password."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("secret", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def pdf_bomb() -> bytes:
    """A PDF of half a megabyte whose one page is 500 MB of instructions."""
    packer = zlib.compressobj(9)
    block = b"q Q " * 262_144
    content = b"".join(packer.compress(block) for _ in range(500)) + packer.flush()
    return _pdf_of([content], flate=True)


def pdf_with_endless_pages() -> bytes:
    """A PDF whose tree of pages leads back into itself."""
    return _written(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1000000000 >>"]
    )


def png(width: int = 8, height: int = 6, colour: str = "teal") -> bytes:
    """A picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def png_that_claims(width: int, height: int, *, packed: bytes = b"") -> bytes:
    """A PNG of a few bytes whose head promises as many pixels as you like."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def png_bomb() -> bytes:
    """A PNG of 40 kB that claims 5,000 x 5,000 pixels and unpacks to gigabytes."""
    packer = zlib.compressobj(9)
    block = bytes(4 * 1024 * 1024)
    packed = b"".join(packer.compress(block) for _ in range(64)) + packer.flush()
    return png_that_claims(5000, 5000, packed=packed)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def wav(seconds: float = 0.2) -> bytes:
    """Silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(int(8000 * seconds) * 2))
    return file.getvalue()


GIF_WITH_SCRIPT = b"GIF89a/*" + bytes(20) + b"*/=1;alert(document.domain)//<script>alert(1)</script>"
SVG = b'<?xml version="1.0"?><!-- a drawing --><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PAGE = b"<!DOCTYPE html><script>alert(document.cookie)</script>"
