"""Pages travel compressed, and nothing else does."""

import gzip

import pytest
from django.test import Client

from tests.people import make_alice

TAKES = {"HTTP_ACCEPT_ENCODING": "gzip"}


@pytest.mark.django_db
def test_a_page_is_compressed_for_who_takes_it(client: Client) -> None:
    page = client.get("/accounts/login/", **TAKES)

    assert page["Content-Encoding"] == "gzip"
    assert b"</html>" in gzip.decompress(page.content)
    assert "Content-Encoding" not in client.get("/accounts/login/")


@pytest.mark.django_db
def test_a_document_of_the_api_is_not(client: Client) -> None:
    client.force_login(make_alice())

    assert "Content-Encoding" not in client.get("/api/v1/presets", **TAKES)
