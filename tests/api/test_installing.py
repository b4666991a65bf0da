"""The pages as an application: the manifest, the worker, and the page without a network."""

import json
import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from tests.people import make_alice

PAGE = "/offline"

pytestmark = pytest.mark.django_db


def test_the_manifest_speaks_the_readers_language_and_its_icons_exist(client: Client) -> None:
    response = client.get("/manifest.webmanifest?language=ar")
    told = response.json()

    assert response.headers["Content-Type"] == "application/manifest+json"
    assert (told["lang"], told["dir"], told["shortcuts"][0]["name"]) == ("ar", "rtl", "محادثة جديدة")
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}
    for icon in told["icons"]:
        name = re.sub(r"^/static/|\.[0-9a-f]{12}(?=\.png)", "", icon["src"])
        assert finders.find(name)


def test_the_page_without_a_network_is_the_same_for_everybody(client: Client) -> None:
    strangers = client.get(f"{PAGE}?language=fa")
    alice = make_alice()
    alice.theme = "dark"
    alice.save()
    client.force_login(alice)

    assert client.get(f"{PAGE}?language=fa").content == strangers.content
    assert b'lang="fa" dir="rtl"' in strangers.content
    assert "Set-Cookie" not in strangers.headers


def test_the_worker_keeps_what_is_public_alone(client: Client) -> None:
    response = client.get("/service-worker.js?language=ur")
    facts = json.loads(re.search(r"= (\{.*\});", response.content.decode())[1])  # type: ignore[index]

    assert response.headers["Content-Type"].startswith("text/javascript")
    assert "no-cache" in response.headers["Cache-Control"]
    assert facts["offline"] == "/offline?language=ur"
    assert all(address.startswith("/static/") for address in facts["files"])


def test_a_language_that_is_none_falls_back_to_the_readers(client: Client) -> None:
    assert (
        client.get("/manifest.webmanifest?language=<x>", headers={"Accept-Language": "tr"}).json()["lang"]
        == "tr"
    )


def test_another_language_is_another_worker(client: Client) -> None:
    assert (
        client.get("/service-worker.js?language=en").content
        != client.get("/service-worker.js?language=fr").content
    )
