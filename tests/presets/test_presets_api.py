"""Presets over REST."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import PlanLimit
from chat.models import Conversation
from presets import standing
from presets.models import DefaultPreset, ModelPreset
from tests.chat.test_conversations import Rest
from tests.people import make_alice, make_charlie, make_user
from wisqu.accounts import erasure, exports

pytestmark = pytest.mark.django_db

FULL = {
    "name": "Zakat helper",
    "slug": "zakat",
    "description": "Works it out",
    "model": "openai/gpt-4o-mini",
    "system_prompt": "Count with me.\n",
    "temperature": 0,
    "max_tokens": 500,
    "top_p": 0.9,
    "fallback_models": ["anthropic/claude-haiku-4.5"],
    "routing_strategy": "price",
    "web_search": True,
    "web_search_options": {"max_results": 3, "allowed_domains": ["quran.com"], "excluded_domains": []},
}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    standing.forget()


@pytest.fixture
def alice() -> Rest:
    return Rest(make_alice())


@pytest.fixture
def charlie() -> Rest:
    return Rest(make_charlie())


@pytest.fixture
def staff() -> Rest:
    user = make_user("staff@example.org", "premium", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_modelpreset"))
    return Rest(user)


def made(person: Rest, **fields: object) -> dict:
    response = person.call("post", "/presets", {"name": "Mine", **fields})
    assert response.status_code == 201, response.content
    return response.json()


def codes(response) -> dict[str, str]:
    return {error["field"]: error["code"] for error in response.json()["errors"]}


def test_a_preset_is_made_read_changed_and_deleted(alice: Rest) -> None:
    preset = made(alice, **FULL)
    path = f"/presets/{preset['id']}"
    assert {name: preset[name] for name in FULL} == FULL
    assert (preset["is_public"], preset["is_own"], preset["version"]) == (False, True, 1)
    assert alice.call("get", path).json() == preset
    changed = alice.call("patch", path, {"temperature": 0.5, "model": None}).json()
    assert (changed["temperature"], changed["model"], changed["version"]) == (0.5, None, 2)
    assert alice.call("delete", path).status_code == 204
    assert alice.call("get", path).status_code == 404


def test_a_new_name_alone_is_no_new_version(alice: Rest) -> None:
    path = f"/presets/{made(alice)['id']}"
    assert alice.call("patch", path, {"name": "Other", "description": "x"}).json()["version"] == 1


def test_what_a_preset_says_can_be_sent_back(alice: Rest) -> None:
    preset = made(alice)
    fields = {name: preset[name] for name in (*FULL, "is_public")}
    again = alice.call("patch", f"/presets/{preset['id']}", fields).json()
    assert {name: again[name] for name in (*fields, "version")} == fields | {"version": 1}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Zakat Helper!", "zakat-helper"),
        ("مساعد الزكاة", "مساعد-الزكاة"),
        ("???", "preset"),
        ("01a205c3-f6d9-709a-9f3d-acad8a97ac05", "preset-01a205c3-f6d9-709a-9f3d-acad8a97ac05"),
        ("Translator", "translator-2"),  # the house has one
    ],
)
def test_a_missing_slug_is_made_from_the_name(alice: Rest, name: str, slug: str) -> None:
    assert made(alice, name=name)["slug"] == slug


def test_slugs_are_unique_for_each_owner(alice: Rest, charlie: Rest) -> None:
    assert [made(alice)["slug"], made(alice)["slug"]] == ["mine", "mine-2"]
    assert made(charlie)["slug"] == "mine"
    taken = alice.call("post", "/presets", {"name": "x", "slug": "mine"})
    assert (taken.status_code, codes(taken)) == (422, {"slug": "slug_taken"})


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"model": "nobody/nothing"}, {"model": "unknown_model"}),
        ({"fallback_models": ["nobody/nothing"]}, {"fallback_models": "unknown_model"}),
        ({"temperature": 2.1}, {"temperature": "max_value"}),
        ({"temperature": "0.5"}, {"temperature": "invalid"}),
        ({"temperature": True}, {"temperature": "invalid"}),
        ({"top_p": 0}, {"top_p": "min_value"}),
        ({"max_tokens": 0}, {"max_tokens": "min_value"}),
        ({"max_tokens": 1.5}, {"max_tokens": "invalid"}),
        ({"web_search": "yes"}, {"web_search": "invalid"}),
        ({"web_search_options": {"max_results": 11}}, {"web_search_options.max_results": "max_value"}),
        (
            {"web_search_options": {"allowed_domains": ["10.0.0.1"]}},
            {"web_search_options.allowed_domains.0": "invalid"},
        ),
        (
            {"web_search_options": {"allowed_domains": ["a.example"], "excluded_domains": ["b.example"]}},
            {"web_search_options": "invalid"},
        ),
        ({"routing_strategy": "luck"}, {"routing_strategy": "invalid_choice"}),
        ({"slug": "Not A Slug"}, {"slug": "invalid"}),
        ({"slug": "01a205c3-f6d9-709a-9f3d-acad8a97ac05"}, {"slug": "invalid"}),
        ({"name": " "}, {"name": "blank"}),
        ({"name": "x" * 101}, {"name": "max_length"}),
        ({"system_prompt": "x" * 50_001}, {"system_prompt": "max_length"}),
        ({"owner": "me"}, {"owner": "unknown_field"}),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(alice: Rest, fields: dict, wrong: dict) -> None:
    response = alice.call("post", "/presets", {"name": "x"} | fields)
    assert (response.status_code, codes(response)) == (422, wrong)
    assert not ModelPreset.objects.for_owner(alice.user.id).exists()


def test_the_plan_decides_on_models() -> None:
    free = Rest(make_user())
    response = free.call("post", "/presets", {"name": "x", "model": "anthropic/claude-sonnet-4.5"})
    assert (response.status_code, response.json()["code"]) == (403, "plan_feature_required")


def test_a_preset_made_under_a_larger_plan_can_still_be_renamed() -> None:
    free = Rest(make_user())
    preset = made(free)
    ModelPreset.objects.filter(id=preset["id"]).update(model="anthropic/claude-sonnet-4.5")
    assert free.call("patch", f"/presets/{preset['id']}", {"name": "Kept"}).status_code == 200


def test_the_plan_limits_how_many_are_kept() -> None:
    free = Rest(make_user())
    first, *_ = [made(free) for _ in range(3)]
    problem = free.call("post", f"/presets/{first['id']}/duplicate").json()
    assert (problem["status"], problem["code"], problem["limit"]) == (400, "quota_exceeded", 3)
    assert problem["detail"] == "Preset limit reached (3)"
    free.call("delete", f"/presets/{first['id']}")
    assert made(free)


def test_a_published_preset_counts_for_nobody(staff: Rest) -> None:
    PlanLimit.objects.filter(slug="premium").update(presets=0)
    assert made(staff, is_public=True)["is_public"]


def test_a_repeated_request_makes_one(alice: Rest) -> None:
    alice.headers["Idempotency-Key"] = "once"
    assert made(alice)["id"] == made(alice)["id"]


def test_charlie_meets_nothing_of_alices(alice: Rest, charlie: Rest) -> None:
    preset = made(alice)
    path = f"/presets/{preset['id']}"
    answers = [
        charlie.call("get", path),
        charlie.call("patch", path, {"name": "His"}),
        charlie.call("delete", path),
        charlie.call("post", f"{path}/duplicate"),
        charlie.call("get", f"{path}/export"),
        charlie.call("put", "/presets/default", {"preset": preset["id"]}),
        charlie.call("post", "/conversations", {"preset": preset["id"]}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 7
    assert preset["id"] not in str(charlie.call("get", "/presets?limit=100").json())
    assert charlie.call("get", "/presets/export").json()["presets"] == []
    assert alice.call("get", path).json()["name"] == "Mine"


def test_everybody_reads_and_starts_from_a_published_one_and_nobody_changes_it(
    alice: Rest, staff: Rest
) -> None:
    house = made(staff, name="House", is_public=True)
    path = f"/presets/{house['id']}"
    assert alice.call("get", path).json()["is_own"] is False
    assert alice.call("patch", path, {"name": "Hers"}).status_code == 404
    assert alice.call("delete", path).status_code == 404
    copy = alice.call("post", f"{path}/duplicate").json()
    assert (copy["name"], copy["slug"], copy["is_own"], copy["is_public"]) == (
        "House",
        "house-2",
        True,
        False,
    )
    assert alice.call("post", f"{path}/duplicate").json()["name"] == "House 2"


def test_only_staff_publish(alice: Rest, staff: Rest) -> None:
    path = f"/presets/{made(alice)['id']}"
    refused = alice.call("patch", path, {"is_public": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "staff_required")
    assert alice.call("post", "/presets", {"name": "x", "is_public": True}).status_code == 403
    scholar = Rest(make_user("scholar@example.org", is_staff=True))
    assert scholar.call("post", "/presets", {"name": "x", "is_public": True}).status_code == 403
    assert (
        scholar.call("patch", f"/presets/{made(staff, is_public=True)['id']}", {"name": "y"}).status_code
        == 404
    )
    own = f"/presets/{made(staff)['id']}"
    assert staff.call("patch", own, {"is_public": True}).json()["is_public"] is True
    assert alice.call("get", own).status_code == 200
    assert staff.call("patch", own, {"is_public": False}).json()["is_own"] is True
    assert alice.call("get", own).status_code == 404


def test_the_list_has_ones_own_and_the_published_ones(alice: Rest, charlie: Rest) -> None:
    mine, _ = made(alice), made(charlie)
    every = alice.call("get", "/presets").json()["results"]
    assert [row["slug"] for row in every if row["is_own"]] == ["mine"]
    assert sum(row["is_public"] for row in every) == 5
    assert [row["id"] for row in alice.call("get", "/presets?mine=true").json()["results"]] == [mine["id"]]
    assert len(alice.call("get", "/presets?mine=false").json()["results"]) == 5
    assert codes(alice.call("get", "/presets?mine=perhaps")) == {"mine": "invalid"}


def test_the_list_costs_the_same_queries_however_long_it_is(alice: Rest) -> None:
    counts = []
    for _ in range(2):
        made(alice)
        with CaptureQueriesContext(connection) as queries:
            alice.call("get", "/presets?limit=100")
        counts.append(len(queries))
    assert counts == [3, 3]  # the asker, the default, the rows


def test_one_preset_is_the_default_for_new_conversations(alice: Rest) -> None:
    preset = made(alice)
    assert alice.call("get", "/presets/default").json() == {"preset": None}
    assert alice.call("put", "/presets/default", {"preset": "mine"}).json()["preset"]["is_default"] is True
    assert alice.call("post", "/conversations", {}).json()["preset"] == preset["id"]
    assert alice.call("put", "/presets/default", {"preset": None}).json() == {"preset": None}
    assert alice.call("post", "/conversations", {}).json()["preset"] is None


def test_a_conversation_takes_a_preset_and_gives_it_back(alice: Rest) -> None:
    preset = made(alice)
    conversation = alice.call("post", "/conversations", {"preset": "mine"}).json()
    path = f"/conversations/{conversation['id']}"
    assert conversation["preset"] == preset["id"]
    assert alice.call("patch", path, {"preset": preset["id"]}).json()["preset"] == preset["id"]
    alice.call("delete", f"/presets/{preset['id']}")
    assert alice.call("get", path).json()["preset"] is None


def test_what_was_exported_can_be_imported(alice: Rest, charlie: Rest) -> None:
    made(alice, **FULL)
    made(alice)
    response = alice.call("get", "/presets/export")
    assert "attachment" in response["Content-Disposition"]
    taken = charlie.call("post", "/presets/import", response.json())
    assert taken.status_code == 201
    assert {name: taken.json()["results"][0][name] for name in FULL} == FULL
    again = charlie.call("post", "/presets/import", response.json()).json()["results"]
    assert [row["slug"] for row in again] == ["zakat-helper", "mine-2"]


def test_one_preset_is_exported_alone(alice: Rest) -> None:
    made(alice)
    path = f"/presets/{made(alice, **FULL)['id']}/export"
    assert [entry["slug"] for entry in alice.call("get", path).json()["presets"]] == ["zakat"]


def test_an_import_makes_all_or_nothing(alice: Rest) -> None:
    entries = [{"name": "Good"}, {"name": "Bad", "model": "nobody/nothing"}]
    file = {"format": "wisqu.presets", "version": 1, "presets": entries}
    response = alice.call("post", "/presets/import", file)
    assert (response.status_code, codes(response)) == (422, {"presets.1.model": "unknown_model"})
    assert not ModelPreset.objects.for_owner(alice.user.id).exists()


@pytest.mark.parametrize(
    "file",
    [
        {"format": "something", "version": 1, "presets": [{"name": "x"}]},
        {"format": "wisqu.presets", "version": 2, "presets": [{"name": "x"}]},
        {"format": "wisqu.presets", "version": 1, "presets": []},
        {"format": "wisqu.presets", "version": 1, "presets": [{"name": "x", "is_public": True}]},
        {"format": "wisqu.presets", "version": 1, "presets": [{"name": "x"}] * 101},
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(alice: Rest, file: dict) -> None:
    assert alice.call("post", "/presets/import", file).status_code == 422


def test_an_account_takes_its_presets_along_and_leaves_none_behind(alice: Rest) -> None:
    preset = made(alice, **FULL)
    alice.call("put", "/presets/default", {"preset": "zakat"})
    Conversation.objects.create(owner=alice.user, preset_id=preset["id"])
    exported = exports.export(alice.user)["presets"]
    assert (exported["own"][0]["name"], str(exported["default"])) == ("Zakat helper", preset["id"])
    erasure.erase(alice.user)
    assert not ModelPreset.objects.exclude(owner=None).exists()
    assert not DefaultPreset.objects.exists()


def test_a_published_preset_outlives_the_account_of_who_published_it(staff: Rest) -> None:
    preset = made(staff, is_public=True)
    erasure.erase(staff.user)
    assert ModelPreset.objects.filter(id=preset["id"]).exists()
