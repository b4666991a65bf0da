"""The fence around the tests themselves."""

import socket

import pytest

from tests.network import Outside


@pytest.mark.parametrize("address", ["192.0.2.1", "203.0.113.9"])
def test_a_connection_to_the_outside_is_refused(address):
    with socket.socket() as sock, pytest.raises(Outside):
        sock.connect((address, 80))


def test_a_name_of_the_outside_is_not_even_looked_up():
    with pytest.raises(Outside):
        socket.getaddrinfo("openrouter.ai", 443)


def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
