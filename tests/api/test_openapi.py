"""One document describes both frameworks, validly and truly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client
from openapi_spec_validator import OpenAPIV31SpecValidator

from wisqu.api.management.commands.openapi import document
from wisqu.api.openapi import add_ninja_paths

SNAPSHOT = Path(__file__).parent.parent / "snapshots" / "openapi.json"


@pytest.fixture(scope="module")
def schema() -> dict:
    return json.loads(document())


def test_the_document_is_valid(schema: dict) -> None:
    assert list(OpenAPIV31SpecValidator(schema).iter_errors()) == []
    assert schema["openapi"] == "3.1.0"


def test_the_snapshot_is_true(schema: dict) -> None:
    assert json.loads(SNAPSHOT.read_text(encoding="utf-8")) == schema


def test_both_frameworks_are_in_it(schema: dict) -> None:
    assert {"/api/v1/chat", "/api/v1/conversations", "/api/v1/auth/token", "/api/v1/health"} <= set(
        schema["paths"]
    )


def test_a_path_that_both_define_is_refused() -> None:
    result = {"paths": {"/api/v1/chat": {}}, "components": {"schemas": {}}}
    with pytest.raises(ValueError, match="both frameworks define the path /api/v1/chat"):
        add_ninja_paths(result, None, None, public=True)


def test_every_operation_says_what_a_refusal_looks_like(schema: dict) -> None:
    for path, item in schema["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                content = item[method]["responses"]["default"]["content"]
                assert "application/problem+json" in content, (method, path)


def test_every_operation_names_its_credentials_or_says_that_it_needs_none(schema: dict) -> None:
    for path, item in schema["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                assert "security" in item[method], (method, path)


def test_the_document_and_its_page_are_served() -> None:
    client = Client()
    assert client.get("/api/v1/openapi.json").json()["openapi"] == "3.1.0"
    page = client.get("/docs")
    assert page.status_code == 200
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    assert b"<style" not in page.content
