"""What `make run` decides before it starts anything."""

import socket

import pytest

from tools import supervisor


def test_host_and_port_have_defaults():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert supervisor.address({"PORT": str(port)}) == ("127.0.0.1", port)


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "٨٠"])
def test_a_senseless_port_is_refused(port):
    with pytest.raises(supervisor.Failed, match=r"^PORT="):
        supervisor.address({"PORT": port})


def test_a_senseless_host_is_refused(monkeypatch):
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(supervisor.Failed, match=r"^HOST="):
        supervisor.address({"HOST": "nowhere", "PORT": "8000"})


def test_a_taken_port_is_named_with_another_one_to_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(supervisor.Failed, match=rf"{port} can't be used.*PORT={port + 1}"):
            supervisor.address({"PORT": str(port)})


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80")])
def test_the_printed_address_can_be_opened(host, url, tmp_path):
    assert supervisor.Place(python=tmp_path, root=tmp_path, host=host, port=80).url == url


@pytest.mark.parametrize(
    ("text", "says"), [("DEBUG=false\n", True), ("DEBUG=\n", False), ("#DEBUG=x\n", False)]
)
def test_development_is_the_default_until_the_file_says_otherwise(text, says, tmp_path):
    (tmp_path / ".env").write_text(text)
    assert supervisor.says_debug(tmp_path / ".env") is says


def test_a_new_migration_asks_for_preparation(tmp_path):
    before = supervisor.fingerprint(tmp_path)
    (tmp_path / "chat" / "migrations").mkdir(parents=True)
    (tmp_path / "chat" / "migrations" / "0001_initial.py").write_text("x")
    assert supervisor.fingerprint(tmp_path) != before
