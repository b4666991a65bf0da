"""The headers and cookies of a served site, as its production settings send them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.live import ROOT
from tests.live import test_database_url as database_url

PAGES = ("/accounts/login/", "/admin/login/", "/docs", "/api/v1/auth/me", "/nowhere", "/api/v1/openapi.json")
ASK = """
import json, os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "wisqu.settings"
from wisqu import settings
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
settings.LOGGING_CONFIG = None
django.setup()
from django.test import Client
client, found = Client(), {}
for path in json.loads(sys.argv[1]):
    answer = client.get(path, secure=True, headers={"Host": "chat.example.org"})
    found[path] = {"status": answer.status_code, **{name.lower(): value for name, value in answer.items()},
                   "cookies": [each.OutputString() for each in answer.cookies.values()]}
plain = client.get("/accounts/login/", headers={"Host": "chat.example.org"})
found["plain"] = {"status": plain.status_code, "location": plain.get("Location", "")}
stranger = client.get("/accounts/login/", secure=True, headers={"Host": "evil.example"})
found["stranger"] = {"status": stranger.status_code}
print(json.dumps(found))
"""
Answers = dict[str, dict[str, Any]]


@pytest.fixture
def answers(transactional_db: None) -> Answers:
    """What a served site answers; it is asked once, and changes nothing that a later test would miss."""
    return ask(database_url())


@cache
def ask(database: str) -> Answers:
    served = {
        "DEBUG": "false",
        "SECRET_KEY": "kQ7-3vXz" * 4 + "Jm2_pLw9Rt" * 3,
        "ALLOWED_HOSTS": "chat.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://chat.example.org",
        "DATABASE_URL": database,
        "LOG_LEVEL": "CRITICAL",
    }
    command = [sys.executable, "-c", ASK, json.dumps(PAGES)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **served}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def policy(answer: dict[str, Any]) -> dict[str, list[str]]:
    rules = (rule.split() for rule in answer["content-security-policy"].split(";") if rule.strip())
    return {name: values for name, *values in rules}


def test_a_served_site_is_strict(answers: Answers) -> None:
    for path in PAGES:
        answer = answers[path]
        assert answer["x-content-type-options"] == "nosniff", path
        assert answer["x-request-id"], path
        if path.startswith("/api/"):
            assert "no-store" in answer["cache-control"] or path.endswith("openapi.json"), path
            continue
        assert answer["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload", path
        assert answer["referrer-policy"] == "same-origin", path
        assert answer["cross-origin-opener-policy"] == "same-origin", path
        assert "camera=()" in answer["permissions-policy"], path
        assert answer["x-frame-options"] == "DENY", path


def test_no_page_takes_inline_scripts_or_anything_from_elsewhere(answers: Answers) -> None:
    for path in PAGES:
        if path.startswith("/api/"):
            continue
        rules = policy(answers[path])
        assert "'unsafe-inline'" not in rules["script-src"], path
        assert "'unsafe-eval'" not in rules["script-src"], path
        assert (rules["default-src"], rules["object-src"], rules["base-uri"]) == (
            ["'self'"],
            ["'none'"],
            ["'none'"],
        )
        assert rules["frame-ancestors"] == ["'none'"], path
        assert not any(
            value.startswith("http") or value == "*" for values in rules.values() for value in values
        ), path
        assert "'unsafe-inline'" not in rules["style-src"], path


def test_cookies_belong_to_this_host_alone(answers: Answers) -> None:
    cookies = [cookie for path in PAGES for cookie in answers[path]["cookies"]]
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-"), cookie
        assert {"Secure", "Path=/"} <= {part.strip() for part in cookie.split(";")}, cookie
        assert "SameSite=Lax" in cookie, cookie
        assert "Domain" not in cookie, cookie


def test_plain_http_and_strange_hosts_get_nothing(answers: Answers) -> None:
    assert answers["plain"] == {"status": 301, "location": "https://chat.example.org/accounts/login/"}
    assert answers["stranger"]["status"] == 400
