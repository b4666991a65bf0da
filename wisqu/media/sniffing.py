"""What a file is, by its first bytes. What its name and its sender call it is only held against it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from wisqu.media.refusals import FileRefused, Why


class Family(StrEnum):
    """What is done with a file."""

    PDF = "pdf"
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of file: its family, its media type, and the ending that its name gets."""

    family: Family
    media_type: str
    ending: str


PDF = Kind(Family.PDF, "application/pdf", "pdf")
TEXT = Kind(Family.TEXT, "text/plain", "txt")
MARKDOWN = Kind(Family.TEXT, "text/markdown", "md")
PNG = Kind(Family.IMAGE, "image/png", "png")
JPEG = Kind(Family.IMAGE, "image/jpeg", "jpg")
GIF = Kind(Family.IMAGE, "image/gif", "gif")
WEBP = Kind(Family.IMAGE, "image/webp", "webp")
WAV = Kind(Family.AUDIO, "audio/wav", "wav")
MP3 = Kind(Family.AUDIO, "audio/mpeg", "mp3")
M4A = Kind(Family.AUDIO, "audio/mp4", "m4a")
OGG = Kind(Family.AUDIO, "audio/ogg", "ogg")
FLAC = Kind(Family.AUDIO, "audio/flac", "flac")
WEBM = Kind(Family.AUDIO, "audio/webm", "webm")  # what browsers record; a container of videos as well
PICTURES = (PNG, JPEG, GIF, WEBP)
RECORDINGS = (WAV, MP3, M4A, OGG, FLAC, WEBM)

# What stands at which place of the first bytes.
_SIGNATURES: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"%PDF-", PDF),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (0, b"fLaC", FLAC),
    (0, b"OggS", OGG),
    (0, b"ID3", MP3),
    (0, b"\x1a\x45\xdf\xa3", WEBM),
)
_INSIDE_RIFF = {b"WAVE": WAV, b"WEBP": WEBP}
_M4A_BRANDS = (
    b"M4A ",
    b"M4B ",
    b"mp42",
    b"mp41",
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"dash",
    b"3gp",
)
_BLANK = b"\xef\xbb\xbf \t\r\n"

# The endings and types that promise a family; whatever promises another one than the file keeps is refused.
_PROMISES = {
    "pdf": Family.PDF,
    **dict.fromkeys(
        ("png", "jpg", "jpeg", "jpe", "gif", "webp", "bmp", "tif", "tiff", "heic", "avif"), Family.IMAGE
    ),
    **dict.fromkeys(("wav", "mp3", "m4a", "ogg", "oga", "opus", "flac", "webm", "aac"), Family.AUDIO),
}
_MARKDOWN_ENDINGS = ("md", "markdown", "mdown")
# What a browser would run or lay out as a page, whatever it is called.
_MARKUP = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*|<!--(?:(?!-->).)*-->\s*)*"
    r"<(?:!doctype\b|html|svg|script|body|head|iframe|math)\b",
    re.IGNORECASE | re.DOTALL,
)
_MARKUP_ENDINGS = ("html", "htm", "xhtml", "shtml", "svg", "svgz", "xml", "xsl", "mhtml", "hta")
_LOOKED_AT = 4096
# Control characters, but those of plain text, and halves of UTF-16 pairs.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_TEXT_BYTE = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
# Two million characters of any script. Text is looked at in the process that serves, so that it has to be done quickly,
# and piece by piece: other threads get their turn between two of them.
LARGEST_TEXT = 8_000_000
_PIECE = 100_000

_UNSUPPORTED = (
    "This kind of file can't be read here. Attach PDF, text, Markdown, PNG, JPEG, GIF, WebP, or a recording."
)
_MARKUP_REFUSED = (
    "Web pages and SVG drawings are not taken: they can hold scripts. Save it as PDF, PNG or plain text."
)


def sniff(data: bytes, *, name: str = "", declared: str = "") -> Kind:
    """Return what the file is. `name` and `declared` (a media type) are what its sender calls it.

    Raises FileRefused for what is not taken, and for a file that is not what it is called.
    """
    kind = _by_signature(data) or _as_text(data, name=name)
    promised = _promise(name, declared)
    if promised is not None and promised is not kind.family:
        detail = f"The file is called {promised.value.upper()}, but what is in it is {_SHOWN[kind.family]}."
        raise FileRefused(Why.LYING_TYPE, detail)
    return kind


_SHOWN = {Family.PDF: "a PDF", Family.TEXT: "text", Family.IMAGE: "an image", Family.AUDIO: "a recording"}


def _by_signature(data: bytes) -> Kind | None:
    head = data[:64].lstrip(_BLANK) if data[:64].lstrip(_BLANK).startswith(b"%PDF-") else data[:64]
    for place, signature, kind in _SIGNATURES:
        if head.startswith(signature, place):
            return kind
    if head[:4] == b"RIFF":
        return _INSIDE_RIFF.get(head[8:12])
    if head[4:8] == b"ftyp" and head[8:12].startswith(_M4A_BRANDS):
        return M4A
    # A frame of MPEG audio, layer III: eleven bits set, then version and layer.
    is_mp3 = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 not in (0, 15)
    return MP3 if is_mp3 else None


def _as_text(data: bytes, *, name: str) -> Kind:
    if len(data) > LARGEST_TEXT and not _NOT_TEXT_BYTE.search(data[:_PIECE]):
        raise FileRefused(Why.TOO_LARGE, f"A text file has at most {LARGEST_TEXT // 1_000_000} MB.")
    text = decode(data)
    ending = _ending(name)
    if ending in _MARKUP_ENDINGS or _MARKUP.match(text[:_LOOKED_AT]):
        raise FileRefused(Why.UNKNOWN_TYPE, _MARKUP_REFUSED)
    return MARKDOWN if ending in _MARKDOWN_ENDINGS else TEXT


def decode(data: bytes) -> str:
    """Return the text of a text file: UTF-8, or UTF-16 that says so. Raises FileRefused for what is no text."""
    if len(data) > LARGEST_TEXT:
        raise FileRefused(Why.UNKNOWN_TYPE, _UNSUPPORTED)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise FileRefused(Why.UNKNOWN_TYPE, _UNSUPPORTED) from None
    if any(_NOT_TEXT.search(text, start, start + _PIECE) for start in range(0, len(text), _PIECE)):
        raise FileRefused(Why.UNKNOWN_TYPE, _UNSUPPORTED)
    return text


def _promise(name: str, declared: str) -> Family | None:
    """Return the family that the name's ending promises, else the one of the declared type."""
    if (ending := _ending(name)) in _PROMISES:
        return _PROMISES[ending]
    if ending:
        return None
    main, _, rest = declared.partition(";")[0].strip().lower().partition("/")
    if main in ("image", "audio"):
        return Family(main)
    return Family.PDF if rest == "pdf" else None


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower().strip() if "." in name else ""


_LONGEST_NAME = 120
_PLAIN_ENDING = re.compile(r"[a-z0-9+]{1,8}")


def safe_name(name: str, kind: Kind) -> str:
    """Return a name to show and to download under: no path, nothing invisible, and the ending that its kind has."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(sign for sign in last if _is_shown(sign) and sign not in '<>:"|?*')
    stem = " ".join(kept.split()).strip(". ")
    ending = _ending(stem)
    if ending and (ending == kind.ending or _fits(ending, kind)):
        stem = stem[: -len(ending) - 1]
    else:
        # What was put into another container, or is another kind of picture, keeps its name and not its ending.
        is_alike = kind.family in (Family.AUDIO, Family.IMAGE) and _PROMISES.get(ending) is kind.family
        stem = stem[: -len(ending) - 1] if is_alike else stem
        ending = kind.ending
    return f"{stem[:_LONGEST_NAME].strip('. ') or 'file'}.{ending}"


def _is_shown(sign: str) -> bool:
    # Persian joins words and keeps them apart by signs that are not seen themselves.
    return sign in "\u200c\u200d" or unicodedata.category(sign)[0] != "C"


def _fits(ending: str, kind: Kind) -> bool:
    """Tell whether a name may keep its ending: code is text, whatever its ending, as long as it is a plain word."""
    if kind.family is not Family.TEXT:
        return ending == "jpeg" and kind is JPEG
    return ending not in (*_PROMISES, *_MARKUP_ENDINGS) and _PLAIN_ENDING.fullmatch(ending) is not None
