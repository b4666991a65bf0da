"""Files are kept under keys of our own, in a folder or a bucket; what has no row is swept."""

import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import time_machine
from django.core.files.storage import storages
from django.utils import timezone

from wisqu.env import BadEnvironment, read
from wisqu.files import storage

DEBUG = {"DEBUG": "true", "SECRET_KEY": "x"}


def test_what_is_saved_can_be_read_until_it_is_deleted():
    key = storage.save(folder="tried", ending="png", data=b"pixels")
    assert key.startswith(f"tried/{timezone.now():%Y/%m/%d}/")
    assert storage.read(key) == b"pixels"
    storage.delete(key, "", "tried/none.png")
    with pytest.raises(FileNotFoundError):
        storage.read(key)


@pytest.mark.parametrize(
    ("folder", "ending"), [("../up", "png"), ("tried", "../png"), ("", "png"), ("A", "png")]
)
def test_a_key_is_made_of_plain_words(folder, ending):
    with pytest.raises(ValueError, match="plain"):
        storage.save(folder=folder, ending=ending, data=b"")


def test_the_sweep_takes_old_files_without_a_row_and_no_others():
    kept, orphan = (storage.save(folder="swept", ending="png", data=b"x") for _ in range(2))

    def known(keys):
        return [key for key in keys if key == kept]

    assert storage.sweep("swept", known=known) == 0  # their rows may be on the way
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert storage.sweep("swept", known=known) == 1
    assert storage.read(kept) == b"x"
    with pytest.raises(FileNotFoundError):
        storage.read(orphan)


def test_a_storage_that_fails_to_delete_breaks_nothing(monkeypatch, caplog):
    monkeypatch.setattr(storage.default_storage, "delete", lambda key: 1 / 0)
    storage.delete("tried/2026/01/01/x.png")
    assert "could not be deleted" in caplog.text


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as one file needs."""

    kept: dict[str, bytes] = {}

    def do_PUT(self) -> None:
        assert "AWS4-HMAC-SHA256" in self.headers["Authorization"]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers.get("Content-Encoding") != "aws-chunked"  # not every service understands it
        self.kept[self.path] = body
        self.answer(200)

    def do_HEAD(self) -> None:
        self.answer(200 if self.path in self.kept else 404, length=len(self.kept.get(self.path, b"")))

    def do_GET(self) -> None:
        self.answer(200, self.kept[self.path])

    def do_DELETE(self) -> None:
        del self.kept[self.path]
        self.answer(204)

    def answer(self, status: int, body: bytes = b"", length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_bucket_keeps_files_as_a_folder_does(settings, monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"s3+http://me:se%2Fcret@127.0.0.1:{server.server_port}/bucket/inner?region=eu-1"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": read({**DEBUG, "FILE_STORAGE_URL": address}).file_storage(),
    }
    monkeypatch.setattr(storage, "default_storage", storages["default"])
    key = storage.save(folder="tried", ending="png", data=b"pixels")
    assert list(Bucket.kept) == [f"/bucket/inner/{key}"]
    assert storage.read(key) == b"pixels"
    storage.delete(key)
    assert not Bucket.kept
    server.shutdown()
    server.server_close()


def test_a_folder_is_private_to_the_product(tmp_path):
    options = read({**DEBUG, "FILE_STORAGE_URL": "file:kept"}).file_storage(root=tmp_path)["OPTIONS"]
    assert options["location"] == tmp_path / "kept"
    assert options["directory_permissions_mode"] == 0o700


@pytest.mark.parametrize(
    ("address", "serving"),
    [
        ("s3://host", "app"),
        ("s3:///bucket", "app"),
        ("s3://host/bucket?acl=public", "app"),
        ("file:var/files", "signed"),
        ("s3://host/bucket", "x-accel"),
    ],
)
def test_a_storage_that_makes_no_sense_is_refused(address, serving):
    with pytest.raises(BadEnvironment, match=r"^FILE_S"):
        read({**DEBUG, "FILE_STORAGE_URL": address, "FILE_SERVING": serving})
