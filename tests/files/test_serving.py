"""How a file reaches its owner: what it is said to be, what may be kept, and who sends it."""

import pytest
from django.test import RequestFactory

from wisqu.api.problems import NotFound
from wisqu.env import read
from wisqu.files import storage
from wisqu.files.serving import serve


@pytest.fixture
def key():
    key = storage.save(folder="served", ending="png", data=bytes(range(256)))
    yield key
    storage.delete(key)


def answer(key, media_type="image/png", name="a.png", as_download=False, **headers):
    request = RequestFactory().get("/", headers=headers)
    return serve(request, key, media_type=media_type, name=name, as_download=as_download)


def test_a_picture_is_shown_kept_for_ever_and_is_no_page(key):
    found = answer(key)
    assert found.content == bytes(range(256))
    assert found["Content-Type"] == "image/png"
    assert found["Cache-Control"] == "private, max-age=31536000, immutable"
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert found["Content-Disposition"].startswith("inline")


def test_what_a_browser_could_run_is_only_saved(key):
    assert answer(key, "text/html", "a.html")["Content-Disposition"].startswith("attachment")
    assert answer(key, as_download=True)["Content-Disposition"].startswith("attachment")


def test_a_name_breaks_no_header(key):
    told = answer(key, name='ص"\r\nSet-Cookie: x.png')["Content-Disposition"]
    assert "\n" not in told
    assert told.count('"') == 2


def test_what_the_browser_has_is_not_sent_again(key):
    again = answer(key, **{"If-None-Match": answer(key)["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("wanted", "status", "place"),
    [
        ("bytes=0-9", 206, "bytes 0-9/256"),
        ("bytes=250-", 206, "bytes 250-255/256"),
        ("bytes=-6", 206, "bytes 250-255/256"),
        ("bytes=0-999", 200, None),
        ("bytes=256-", 416, "bytes */256"),
        ("bytes=9-3", 416, "bytes */256"),
        ("lines=1-2", 200, None),
    ],
)
def test_a_part_can_be_asked_for(key, wanted, status, place):
    found = answer(key, Range=wanted)
    assert (found.status_code, found.get("Content-Range")) == (status, place)


async def test_a_large_file_comes_in_pieces():
    data = bytes(1_000_000)
    key = storage.save(folder="served", ending="wav", data=data)
    pieces = [piece async for piece in answer(key, "audio/wav")]
    assert len(pieces) > 1
    assert b"".join(pieces) == data
    storage.delete(key)


def test_a_file_that_is_gone_is_not_found():
    with pytest.raises(NotFound):
        answer("served/2026/01/01/none.png")


def test_nginx_is_told_where_the_file_is(key, settings):
    settings.FILE_SERVING = "x-accel"
    found = answer(key)
    assert (found["X-Accel-Redirect"], found.content) == (f"/_files/{key}", b"")
    assert found["Content-Type"] == "image/png"


def test_a_bucket_sends_it_by_an_address_for_minutes(settings, monkeypatch):
    url = {"DEBUG": "true", "SECRET_KEY": "x", "FILE_STORAGE_URL": "s3://me:key@files.example.org/b?region=r"}
    settings.STORAGES = {**settings.STORAGES, "default": read(url).file_storage()}
    settings.FILE_SERVING = "signed"
    from django.core.files.storage import storages

    monkeypatch.setattr("wisqu.files.serving.default_storage", storages["default"])
    found = answer("served/2026/01/01/x.png")
    assert found.status_code == 302
    assert found["Location"].startswith("https://files.example.org/b/served/2026/01/01/x.png?")
    assert "X-Amz-Expires=600" in found["Location"]
    assert "response-content-disposition=inline" in found["Location"]


def test_scripts_of_the_page_get_the_bytes_from_here_even_then(key, settings):
    settings.FILE_SERVING = "signed"
    found = answer(key, **{"Sec-Fetch-Dest": "empty"})
    assert (found.status_code, found.content) == (200, bytes(range(256)))
