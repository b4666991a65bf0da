"""Pictures from outside: only pixels survive, and what is too large or no picture is refused before it costs much."""

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from wisqu.media import images


def picture(
    kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object
) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(file, kind, **options)
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that claims to be huge."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "found"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp"), ("GIF", "png")]
)
def test_a_picture_stays_what_it_is_and_gets_a_thumbnail(kind, found):
    made = images.clean(picture(kind, size=(1200, 600)))
    assert (made.media_type, made.width, made.height) == (f"image/{found}", 1200, 600)
    assert images.media_type_of(made.data) == made.media_type
    assert Image.open(io.BytesIO(made.thumbnail)).size == (512, 256)


def test_nothing_but_the_pixels_survives():
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "<script>alert(1)</script>")
    made = images.clean(picture(pnginfo=notes) + b"<script>alert(2)</script>")
    assert b"script" not in made.data
    assert Image.open(io.BytesIO(made.data)).info == {}


def test_a_photo_is_turned_upright_and_forgets_where_it_was_taken():
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "at home"
    made = images.clean(picture("JPEG", exif=exif))
    assert (made.width, made.height) == (48, 64)
    assert b"Exif" not in made.data
    assert b"at home" not in made.data


def test_transparency_stays():
    made = images.clean(picture(mode="RGBA"))
    assert Image.open(io.BytesIO(made.data)).mode == "RGBA"


def test_a_large_picture_is_scaled_down_when_asked():
    made = images.clean(picture("JPEG", size=(3000, 1500)), longest_side=1000)
    assert (made.width, made.height) == (1000, 500)


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (20_000, 100), (7000, 7000)])
def test_a_bomb_is_refused_by_its_head(width, height):
    with pytest.raises(images.BadImage) as refused:
        images.clean(bomb(width, height))
    assert refused.value.code == "image_too_large"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not_an_image"),
        (b"%PDF-1.7", "not_an_image"),
        (b"II*\0" + b"\0" * 60, "not_an_image"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 60, "broken_image"),
        (picture("JPEG")[:300], "broken_image"),
        (picture()[:100], "broken_image"),
    ],
)
def test_what_is_no_picture_is_refused(data, code):
    with pytest.raises(images.BadImage) as refused:
        images.clean(data)
    assert refused.value.code == code


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_a_webp_says_in_its_head_how_large_it_is(options):
    file = io.BytesIO()
    Image.new("RGB", (321, 123), "teal").save(file, "WEBP", **options)
    assert images._webp_pixels(file.getvalue()) == 321 * 123


def test_a_large_webp_that_its_decoder_gives_up_is_too_large():
    head = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (5999).to_bytes(3, "little") * 2
    with pytest.raises(images.BadImage, match="at most 8 million pixels"):
        images.clean(head)
