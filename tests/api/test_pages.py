"""What browsers and robots ask for unasked."""

from django.contrib.staticfiles import finders
from django.test import Client


def test_the_old_place_of_the_icon_leads_to_it(client: Client) -> None:
    response = client.get("/favicon.ico")

    assert response.status_code == 302
    assert response.url.startswith("/static/img/mark.")
    assert finders.find("img/mark.svg")


def test_robots_are_asked_to_stay_away(client: Client) -> None:
    response = client.get("/robots.txt")

    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.content == b"User-agent: *\nDisallow: /\n"
