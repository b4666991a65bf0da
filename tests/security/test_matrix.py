"""Every route, every role, every verb, every credential: from the OpenAPI document, so that none is forgotten."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from tests.api.test_openapi import SNAPSHOT  # proven true there
from tests.people import make_charlie, make_user, signed_in
from tests.security.matrix import MACHINE, OBJECT, OPEN, OWN, ROUTES, STAFF, Route
from tests.security.world import MARK, Visitor, World, bearer, every_way
from wisqu.accounts.credentials import make_key
from wisqu.accounts.tokens import open_family

pytestmark = pytest.mark.django_db(transaction=True)
VERBS = ("get", "post", "put", "patch", "delete")
OWNED = (
    "chat.Conversation", "chat.Message", "chat.Turn", "chat.Folder", "chat.Share", "chat.Feedback",
    "chat.Attachment", "imagery.GeneratedImage",
    "presets.ModelPreset", "support.Ticket", "support.Note", "billing.UsageWarning", "billing.Invoice",
)  # fmt: skip
CLOSED = [(route, rule) for route, rule in ROUTES.items() if rule.kind != OPEN]


def said(response: Any) -> dict[str, Any]:
    """Return status and body of a refusal, without what differs each time."""
    body = json.loads(response.content) if response.content else {}
    body.pop("request_id", None)
    return {"status": response.status_code, **body}


def verb(route: str) -> str:
    return route.partition(" ")[0]


def test_every_route_of_the_document_is_in_the_matrix() -> None:
    paths = json.loads(SNAPSHOT.read_text(encoding="utf-8"))["paths"]
    known = {
        f"{name.upper()} {path.removeprefix('/api/v1')}"
        for path, item in paths.items()
        for name in VERBS
        if name in item
    }
    assert known - set(ROUTES) == set(), "say in tests/security/matrix.py who may use these"
    assert set(ROUTES) - known == set(), "these are gone"


def test_nobody_gets_in() -> None:
    world, nobody = World(), Visitor("nobody", Client())
    for route, rule in CLOSED:
        response = nobody.call(verb(route), world.path(route, rule), rule.body)
        assert (response.status_code, said(response)["code"]) == (401, "not_authenticated"), route
        assert response["WWW-Authenticate"], route


def rows() -> dict[str, list[Any]]:
    """Return what Alice owns, so that a side effect would show."""
    found = {name: list(apps.get_model(name).objects.order_by("pk").values()) for name in OWNED}
    return {
        name: [row for row in values if MARK in str(row) or "owner_id" not in row]
        for name, values in found.items()
    }


def test_what_is_somebody_elses_is_missing() -> None:
    world = World()
    strangers = [
        *every_way(make_charlie()),
        *every_way(make_user("staff@example.org", "premium", is_staff=True)),
    ]
    before = rows()
    for route, rule in ROUTES.items():
        if rule.kind == OBJECT:
            for visitor in strangers:
                foreign = visitor.call(verb(route), world.path(route, rule), rule.body)
                random = visitor.call(verb(route), world.path(route, rule, strange=True), rule.body)
                assert said(foreign) == said(random), (route, visitor.name)
                assert foreign.status_code == 404, (route, visitor.name)
    assert rows() == before


def test_things_that_a_body_names_are_missing_too() -> None:
    world = World()
    for visitor in every_way(make_charlie()):
        for route, rule in ROUTES.items():
            for field, thing in rule.alike.items():
                foreign = {**(rule.body or {}), field: str(world.things[thing])}
                random = {**foreign, field: str(uuid.uuid4())}
                answers = [
                    said(visitor.call(verb(route), world.path(route, rule), body))
                    for body in (foreign, random)
                ]
                assert answers[0] == answers[1], (route, field)
                assert answers[0]["status"] in (404, 422), (route, field)


def test_lists_hold_nothing_of_anybody_elses() -> None:
    world = World()
    for visitor in every_way(make_charlie()):
        for route, rule in ROUTES.items():
            if rule.kind == OWN and rule.proven:
                response = visitor.call(verb(route), world.path(route, rule), rule.body)
                assert response.status_code < 500, route
                assert response.status_code != 401, (route, visitor.name)
                assert MARK.encode() not in b"".join(response), (route, visitor.name)


def test_what_is_for_staff_is_for_nobody_else(settings) -> None:
    settings.MONITORING_TOKEN = ""
    world = World()
    staff = make_user("staff@example.org", is_staff=True)
    for route, rule in ROUTES.items():
        if rule.kind in (STAFF, MACHINE):
            for visitor in every_way(world.alice):
                response = visitor.call(verb(route), world.path(route, rule), rule.body)
                assert response.status_code == 403, (route, visitor.name)
            for visitor in every_way(staff):
                response = visitor.call(verb(route), world.path(route, rule), rule.body)
                assert response.status_code not in (401, 403), (route, visitor.name)


def proofs() -> list[tuple[str, Route]]:
    return [(route, rule) for route, rule in ROUTES.items() if rule.kind == OBJECT and rule.proven]


def test_the_owner_finds_everything_that_others_miss() -> None:
    """Else the tests above would pass on ids that nobody can use."""
    for number, (route, rule) in enumerate(proofs()):
        world = World(number)
        response = bearer("token", open_family(world.alice).access).call(
            verb(route), world.path(route, rule), rule.body
        )
        assert response.status_code < 300, (route, response.content)


# --- Credentials ------------------------------------------------------------------------------------


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*texts, ""])


def bad_credentials(world: World) -> list[Visitor]:
    """Return credentials that were good, look good, or are of another kind."""
    row, revoked = make_key(user=world.alice, name="old", scopes=["read", "write", "account"])
    row.revoked_at = row.created_at
    row.save()
    gone = make_user("gone@example.org")
    of_the_gone = open_family(gone)
    gone.is_active = False
    gone.save()
    pair = open_family(world.alice)
    head, claims, signature = pair.access.split(".")
    known = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return [
        bearer("a revoked key", revoked),
        bearer("a key cut short", world.key[:-1]),
        bearer("a token of a person who is gone", of_the_gone.access),
        bearer("a refresh token", pair.refresh),
        bearer("a token without a signature", unsigned(known)),
        bearer("a token with another's signature", f"{head}.{claims}.{signature[::-1]}"),
        bearer("nothing", ""),
        Visitor(
            "a session that never was",
            Client(headers={"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz123456"}),
        ),
    ]


def test_a_credential_that_does_not_hold_opens_no_route() -> None:
    world = World()
    for visitor in bad_credentials(world):
        for route, rule in CLOSED:
            response = visitor.call(verb(route), world.path(route, rule), rule.body)
            assert response.status_code == 401, (route, visitor.name)


def test_a_key_does_what_it_was_made_for() -> None:
    world = World()
    keys = {
        scope: bearer(scope, make_key(user=world.alice, name=scope, scopes=[scope])[1])
        for scope in ("read", "write")
    }
    for route, rule in CLOSED:
        wrong = keys["write" if verb(route) == "GET" else "read"]
        response = wrong.call(verb(route), world.path(route, rule), rule.body)
        assert (response.status_code, said(response)["code"]) == (403, "scope_required"), route


def test_a_page_changes_nothing_without_its_csrf_token() -> None:
    world = World()
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in(world.alice).cookies
    page = Visitor("another site's page", client)
    for route, rule in CLOSED:
        if verb(route) != "GET":
            response = page.call(verb(route), world.path(route, rule), rule.body)
            assert (response.status_code, said(response)["code"]) == (403, "csrf_failed"), route


def test_no_private_answer_is_kept_by_anybody_on_the_way() -> None:
    world = World()
    page = Visitor("session", signed_in(world.alice))
    for route, rule in CLOSED:
        if verb(route) == "GET" and rule.proven:
            response = page.call("GET", world.path(route, rule), None)
            # What is behind a file's address never changes; it is kept by the asker's own browser alone.
            kept = "private" if route.endswith("/file") else "no-store"
            assert kept in response["Cache-Control"], route
            assert "public" not in response["Cache-Control"], route
            assert response["X-Content-Type-Options"] == "nosniff", route
