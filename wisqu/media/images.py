"""Pictures from outside, made harmless: decoded within limits, written anew without metadata, with a thumbnail.

What a picture is, its bytes say; names and announced types don't count. Everything here takes bytes and gives bytes,
and knows nothing of Django. Decoding is work for `wisqu.media.worker`: a decoder that is tricked dies there.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageOps

# Only these decoders are ever tried; Pillow knows some fifty more.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_OPTIONS = {
    "PNG": {"compress_level": 3},
    "JPEG": {"quality": 92, "progressive": True},
    "WEBP": {"quality": 92, "method": 4},
}

# 40 million pixels take 160 MB in memory; no model makes, and none reads, more.
MOST_PIXELS = 40_000_000
LONGEST_SIDE = 12_000
# WebP takes three times the memory: what is larger may be more than its worker has.
_ROOMY_WEBP = 8_000_000
THUMBNAIL_SIDE = 512

Image.MAX_IMAGE_PIXELS = MOST_PIXELS


class BadImage(ValueError):
    """The bytes are no picture that is taken; `code` tells why: `not_an_image`, `broken_image`, `image_too_large`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def __reduce__(self) -> tuple[type[BadImage], tuple[str, str]]:
        return BadImage, (self.code, self.detail)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it may be kept. `thumbnail` is WebP, its longer side at most `THUMBNAIL_SIDE` pixels."""

    data: bytes
    media_type: str
    width: int
    height: int
    thumbnail: bytes

    @property
    def ending(self) -> str:
        """The ending of a file name, without the dot."""
        return _ENDINGS[self.media_type]


def media_type_of(data: bytes) -> str | None:
    """Return the type that the first bytes tell; None for what is none of the pictures that are taken."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def clean(data: bytes, *, longest_side: int | None = None, most_pixels: int = MOST_PIXELS) -> Picture:
    """Return the picture decoded and written anew: upright, in sRGB, its first frame, nothing but its pixels.

    With `longest_side` (pixels) a larger one is scaled down. A GIF becomes a PNG, others stay what they are.
    Raises BadImage. Takes about 8 bytes of memory a pixel.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _cleaned(data, longest_side, most_pixels)
    except BadImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(most_pixels) from None
    except MemoryError:
        detail = "The picture takes more memory than there is for one. Scale it down, or save it as JPEG."
        raise BadImage("image_too_large", detail) from None
    except (
        Exception
    ) as error:  # decoders raise whatever they stumble over: struct.error, IndexError, KeyError
        if _webp_pixels(data) > _ROOMY_WEBP:  # its decoder does not say that memory was short
            raise _too_large(_ROOMY_WEBP) from None
        raise BadImage("broken_image", "The picture is broken and can't be read.") from error


def _cleaned(data: bytes, longest_side: int | None, most_pixels: int) -> Picture:
    if media_type_of(data) is None:
        raise BadImage("not_an_image", "This is no picture that is taken: PNG, JPEG, WebP or GIF.")
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        # Known from the head, before a pixel is decoded.
        if opened.width * opened.height > most_pixels or max(opened.size) > LONGEST_SIDE:
            raise _too_large(most_pixels)
        kind = "PNG" if opened.format == "GIF" else str(opened.format)
        if longest_side is not None:
            opened.draft("RGB", (longest_side, longest_side))  # a JPEG is scaled while it is decoded
        picture = _plain(opened)
    if longest_side is not None:
        picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if kind == "JPEG":
        picture = picture.convert("RGB")
    return Picture(
        data=_written(picture, kind),
        media_type=_TYPES[kind],
        width=picture.width,
        height=picture.height,
        thumbnail=_thumbnail(picture),
    )


def _webp_pixels(data: bytes) -> int:
    """Return how many pixels the head of a WebP promises; 0 for anything else."""
    if media_type_of(data) != "image/webp":
        return 0
    if data[12:16] == b"VP8X":
        return (int.from_bytes(data[24:27], "little") + 1) * (int.from_bytes(data[27:30], "little") + 1)
    bits = int.from_bytes(data[21:25], "little")
    if data[12:16] == b"VP8L":
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    return (int.from_bytes(data[26:28], "little") & 0x3FFF) * (int.from_bytes(data[28:30], "little") & 0x3FFF)


def _plain(opened: Image.Image) -> Image.Image:
    """Return the pixels as they are meant to be seen, in RGB or RGBA, without anything beside them."""
    profile = opened.info.get("icc_profile")
    picture: Image.Image = ImageOps.exif_transpose(opened)
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    if profile and picture.mode in ("RGB", "RGBA", "CMYK"):
        picture = _in_srgb(picture, profile)
    picture = picture.convert(mode)
    picture.info.clear()
    return picture


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Return the picture in the colours that every screen takes; as it is where its profile makes no sense."""
    try:
        given, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        changed = ImageCms.profileToProfile(picture, given, srgb, outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return picture
    return changed or picture


def _thumbnail(picture: Image.Image) -> bytes:
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _written(small, "WEBP", quality=80)


def _written(picture: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **{**_OPTIONS[kind], **options})
    return file.getvalue()


def _too_large(most_pixels: int) -> BadImage:
    return BadImage(
        "image_too_large",
        f"The picture is too large: at most {most_pixels // 1_000_000} million pixels, "
        f"and {LONGEST_SIDE:,} a side.",
    )
