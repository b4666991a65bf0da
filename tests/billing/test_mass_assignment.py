"""Whatever fields a request carries, on whichever route of the document: nobody gets a plan, a quota or a staff bit."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing import plans
from billing.models import Invoice, MonthlyUsageQuota, Order, PlanLimit, Subscription, SubscriptionChange
from tests.people import PASSWORD, make_alice, signed_in
from wisqu.accounts.models import User
from wisqu.api.ids import uuid7

pytestmark = pytest.mark.django_db

FORGED: dict[str, Any] = {
    "plan": "enterprise",
    "plan_id": "enterprise",
    "pending_plan": "enterprise",
    "subscription": {"plan": "enterprise", "status": "active", "paid_until": "2099-01-01T00:00:00Z"},
    "status": "active",
    "state": "paid",
    "provider": "manual",
    "paid_until": "2099-01-01T00:00:00Z",
    "started_at": "2001-01-01T00:00:00Z",
    "trial_days": 365,
    "interval": "year",
    "price_usd": 0,
    "amount": 0,
    "quota": 10**9,
    "limits": {"messages": 10**9},
    "used_messages": 0,
    "held_messages": -5,
    "requests_per_minute": 10**6,
    "is_staff": True,
    "is_superuser": True,
    "is_active": True,
    "groups": [1],
    "user_permissions": [1],
    "user": "00000000-0000-7000-8000-000000000001",
    "user_id": "00000000-0000-7000-8000-000000000001",
    "credential_epoch": 9,
}
# What a request may say rightly there. Choosing a plan is a wish, which gives nothing: see test_paying.
WRITES = ("post", "put", "patch", "delete")


def standing() -> dict[str, Any]:
    """Everything that must not move, except what is used, which may only grow."""
    return {
        "plans": list(PlanLimit.objects.order_by("slug").values()),
        "subscriptions": list(Subscription.objects.order_by("id").values()),
        "changes": SubscriptionChange.objects.count(),
        "paid": Order.objects.filter(state="paid").count() + Invoice.objects.filter(state="paid").count(),
        "rights": list(
            User.objects.order_by("id").values(
                "id", "is_staff", "is_superuser", "is_active", "groups", "user_permissions"
            )
        ),
    }


def sample(schema: dict[str, Any], document: dict[str, Any], name: str = "") -> Any:
    """Return a value that the schema allows, as far as it says."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    for key in ("allOf", "anyOf", "oneOf"):
        if schema.get(key):
            return sample(schema[key][0], document, name)
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        required = schema.get("required", [])
        return {key: sample(schema["properties"][key], document, key) for key in required}
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if name == "password":
        return PASSWORD
    text = "carol@example.org" if schema.get("format") == "email" else "words"
    if schema.get("format") == "uuid":
        text = str(uuid7())
    return {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}.get(kind, text)


def own_objects(browser: Client) -> dict[str, str]:
    """Return one object of the person's own for each collection that can be filled by a request."""
    made = {}
    for collection, body in (
        ("conversations", {}),
        ("presets", {"name": "Mine", "model": "openai/gpt-4o-mini"}),
        ("folders", {"name": "Mine"}),
        ("auth/keys", {"name": "mine", "scopes": ["read"]}),
    ):
        answer = browser.post(f"/api/v1/{collection}", body, content_type="application/json")
        if answer.status_code == 201:
            made[collection] = answer.json()["id"]
    return made


def address(path: str, objects: dict[str, str]) -> str:
    """Fill the path's parameters with the person's own objects, else with numbers of nobody."""
    ours = next((key for name, key in objects.items() if path.startswith(f"/api/v1/{name}/")), str(uuid7()))
    head, *rest = path.split("{")
    for number, part in enumerate(rest):
        head += (ours if number == 0 else str(uuid7())) + part.partition("}")[2]
    return head


def body_of(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    found = sample(schema, document) if schema else {}
    return found if isinstance(found, dict) else {}


def test_no_route_of_the_document_takes_what_is_not_its_own() -> None:
    alice = make_alice("free")
    browser = signed_in(alice)
    objects, document = own_objects(browser), browser.get("/api/v1/openapi.json").json()
    plans.subscription_for(alice.pk)
    before, tried = standing(), 0
    for path, operations in document["paths"].items():
        for method in set(WRITES) & set(operations):
            plain = body_of(operations[method], document)
            for body in (FORGED, plain | {k: v for k, v in FORGED.items() if k not in plain}):
                getattr(browser, method)(address(path, objects), body, content_type="application/json")
                tried += 1
            assert standing() == before, f"{method} {path}"

    assert tried >= 60
    assert not MonthlyUsageQuota.objects.filter(held_messages__lt=0).exists()
    assert len(objects) >= 3


def test_what_is_compared_does_notice_a_change() -> None:
    alice = make_alice("free")
    before = standing()
    plans.put_on(user_id=alice.pk, plan=PlanLimit.objects.get(slug="enterprise"))
    assert standing() != before
    before = standing()
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert standing() != before


@pytest.mark.parametrize(
    "page", ["/accounts/profile/", "/accounts/keys/", "/accounts/signup/", "/billing/plans"]
)
def test_no_form_of_a_page_takes_them_either(page: str) -> None:
    browser = signed_in(make_alice("free"))
    before = standing()
    form = {key: value for key, value in FORGED.items() if not isinstance(value, dict)}
    browser.post(page, form | {"name": "Alice", "language": "en", "theme": "dark", "time_zone": "UTC"})

    assert standing() == before
