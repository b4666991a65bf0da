"""What a file is, is read from it; names and announced types are only held against that."""

import pytest

from tests.media import files
from wisqu.media import sniffing
from wisqu.media.refusals import FileRefused, Why
from wisqu.media.sniffing import safe_name, sniff


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (files.pdf("Peace"), sniffing.PDF),
        (b"\xef\xbb\xbf%PDF-1.7 rest", sniffing.PDF),
        (files.png(), sniffing.PNG),
        (b"\xff\xd8\xff\xe0 rest", sniffing.JPEG),
        (b"GIF89a rest", sniffing.GIF),
        (b"RIFF\0\0\0\0WEBPVP8 ", sniffing.WEBP),
        (files.wav(), sniffing.WAV),
        (b"ID3\x04 rest", sniffing.MP3),
        (b"\xff\xfb\x90\x00", sniffing.MP3),
        (b"\0\0\0\x20ftypM4A rest", sniffing.M4A),
        (b"OggS rest", sniffing.OGG),
        (b"fLaC rest", sniffing.FLAC),
        (b"\x1a\x45\xdf\xa3 rest", sniffing.WEBM),
        ("السلام عليكم".encode(), sniffing.TEXT),
        ("سلام".encode("utf-16"), sniffing.TEXT),
        (b"if a < b: print('<html>')", sniffing.TEXT),
    ],
)
def test_a_file_is_what_its_bytes_say(data, kind):
    assert sniff(data) == kind


def test_markdown_is_text_that_is_called_so():
    assert sniff(b"# Title", name="notes.MD") == sniffing.MARKDOWN


@pytest.mark.parametrize(
    ("data", "name", "declared"),
    [
        (files.png(), "letter.pdf", ""),
        (b"plain words", "photo.png", "image/png"),
        (files.pdf("x"), "song.mp3", "audio/mpeg"),
        (b"plain words", "", "image/jpeg"),
        (files.png(), "", "application/pdf"),
    ],
)
def test_a_file_that_is_not_what_it_is_called_is_refused(data, name, declared):
    with pytest.raises(FileRefused) as refused:
        sniff(data, name=name, declared=declared)
    assert refused.value.why == Why.LYING_TYPE


def test_a_picture_under_the_ending_of_another_picture_is_what_it_is():
    assert sniff(files.png(), name="photo.jpg", declared="image/jpeg") == sniffing.PNG


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (files.SVG, "drawing.txt"),
        (files.PAGE, ""),
        (b"   <HTML><body onload=alert(1)>", "a.md"),
        (b"harmless", "page.html"),
        (b"PK\x03\x04 rest of an archive", "book.docx"),
        (b"\x7fELF\x02\x01\x01\0", "program"),
        (b"text with a \0 in it", "a.txt"),
        (b"words" * 30_000 + b"\x01", "a.txt"),
        ("lönger".encode("latin-1"), "a.txt"),
    ],
)
def test_what_is_not_taken_is_refused(data, name):
    with pytest.raises(FileRefused) as refused:
        sniff(data, name=name)
    assert refused.value.why == Why.UNKNOWN_TYPE


def test_markup_is_looked_for_in_time_that_grows_with_the_text_alone():
    assert sniff(b"<!-- -->" * 400 + b"!") == sniffing.TEXT


@pytest.mark.parametrize(("data", "why"), [(b"words ", Why.TOO_LARGE), (b"PK\x03\x04\0\0", Why.UNKNOWN_TYPE)])
def test_more_than_a_book_is_no_text_and_is_not_looked_through(data, why):
    with pytest.raises(FileRefused) as refused:
        sniff(data * (sniffing.LARGEST_TEXT // 6 + 1))
    assert refused.value.why == why


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\me\\thesis.PDF", "thesis.pdf"),
        ("/abs/\0x\r\nSet-Cookie: a.pdf", "xSet-Cookie a.pdf"),
        ("‮fdp.exe", "fdp.exe.pdf"),
        ("..", "file.pdf"),
        ("", "file.pdf"),
        ("كتاب التوحيد.pdf", "كتاب التوحيد.pdf"),
        ("a" * 300 + ".pdf", "a" * 120 + ".pdf"),
    ],
)
def test_a_name_loses_its_path_and_what_nobody_sees(name, shown):
    assert safe_name(name, sniffing.PDF) == shown


def test_code_keeps_its_ending_and_nothing_else_does():
    assert safe_name("main.py", sniffing.TEXT) == "main.py"
    assert safe_name("page.html", sniffing.TEXT) == "page.html.txt"
    assert safe_name("photo.JPEG", sniffing.JPEG) == "photo.jpeg"
    assert safe_name("moving.gif", sniffing.PNG) == "moving.png"
