"""What browsers and robots ask for unasked."""

from datetime import datetime

from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone


def test_the_old_place_of_the_icon_leads_to_it(client: Client) -> None:
    response = client.get("/favicon.ico")

    assert response.status_code == 302
    assert response.url.startswith("/static/img/mark.")
    assert finders.find("img/mark.svg")


def test_robots_are_asked_to_stay_away(client: Client) -> None:
    response = client.get("/robots.txt")

    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.content == b"User-agent: *\nDisallow: /\n"


def test_whoever_finds_a_weakness_learns_where_to_write(client: Client, settings) -> None:
    settings.SUPPORT_EMAIL = "help@example.org"
    text = client.get("/.well-known/security.txt").content.decode()
    contact, expires = text.splitlines()

    assert contact == "Contact: mailto:help@example.org"
    assert timezone.now() < datetime.fromisoformat(expires.removeprefix("Expires: "))
    settings.SUPPORT_EMAIL = ""
    assert client.get("/.well-known/security.txt").status_code == 404
