"""The preset pages, without scripts."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.test import Client

from presets import choosing, keeping, naming, shipped, standing
from presets.models import ModelPreset
from tests.people import make_alice, make_charlie, make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    standing.forget()


@pytest.fixture
def alice() -> User:
    return make_alice()


@pytest.fixture
def page(alice: User) -> Client:
    return signed_in(alice)


def make(user: User, **values: object) -> ModelPreset:
    return keeping.make(owner_id=user.id, values={"name": "Mine", **values})


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def said(response) -> str:
    """What the page after a form says at its top."""
    return " ".join(re.findall(r'<p class="notice[^>]*>(.*?)</p>', response.content.decode(), re.DOTALL))


FORM = {"name": "Zakat", "system_prompt": "One.\r\nTwo.", "model": "", "routing_strategy": ""}


def test_a_preset_is_made_on_the_page(page: Client, alice: User) -> None:
    response = page.post("/presets/new", FORM | {"temperature": "0.5", "web_search": "on"}, follow=True)
    preset = ModelPreset.objects.for_owner(alice.id).get()
    assert (preset.slug, preset.temperature, preset.web_search) == ("zakat", 0.5, True)
    assert preset.system_prompt == "One.\nTwo."
    assert said(response) == "Saved."


def test_where_a_preset_searches_is_set_on_the_page(page: Client, alice: User) -> None:
    search = {"search_results": "4", "search_only": "Quran.com\r\nمثال.com", "search_without": ""}
    page.post("/presets/new", FORM | search)
    preset = ModelPreset.objects.for_owner(alice.id).get()
    assert preset.web_search_options == {
        "max_results": 4,
        "allowed_domains": ["quran.com", "xn--mgbh0fb.com"],
        "excluded_domains": [],
    }
    refused = page.post(
        "/presets/new", FORM | {"search_only": "http://127.0.0.1/", "search_without": "a.example"}
    )
    assert refused.context["form"].errors["search_only"] == ["Name sites such as example.org, one a line."]


def test_what_the_form_shows_can_be_saved_without_a_change(page: Client, alice: User) -> None:
    preset = make(
        alice,
        system_prompt=" Two\n\nlines \n",
        fallback_models=["openai/gpt-4o-mini"],
        top_p=0.3,
        max_tokens=5,
        web_search_options={"max_results": 2, "allowed_domains": [], "excluded_domains": ["a.example"]},
    )
    form = page.get(f"/presets/{preset.id}").context["form"]
    shown = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in shown.items() if value not in (None, False)}
    sent["system_prompt"] = sent["system_prompt"].replace("\n", "\r\n")
    assert page.post(f"/presets/{preset.id}", sent).status_code == 302
    after = ModelPreset.objects.get(id=preset.id)
    assert (after.version, after.system_prompt) == (1, preset.system_prompt)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"slug": "mine"}, "slug", "You have a preset with this short name already."),
        ({"slug": "Not one"}, "slug", "Only small letters, digits, hyphens and underscores."),
        ({"fallback_models": "nobody/nothing"}, "fallback_models", "There is no such model."),
        ({"fallback_models": "a/b\n" * 9}, "fallback_models", "At most 8 models."),
        ({"temperature": "3"}, "temperature", "Ensure this value is less than or equal to 2."),
        ({"name": ""}, "name", "This field is required."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    page: Client, alice: User, fields: dict, field: str, words: str
) -> None:
    make(alice)
    response = page.post("/presets/new", FORM | fields)
    assert response.context["form"].errors[field] == [words]
    assert ModelPreset.objects.for_owner(alice.id).count() == 1


def test_a_full_plan_is_said_in_words() -> None:
    free = make_user()
    for _ in range(3):
        make(free)
    page = signed_in(free)
    assert "New preset" not in text(page, "/presets")
    assert "Your plan keeps 3 presets." in page.post("/presets/new", FORM).content.decode()


def test_one_starts_from_a_published_preset(page: Client, alice: User) -> None:
    house = ModelPreset.objects.published().get(slug="translator")
    response = page.post(f"/presets/{house.id}/duplicate", follow=True)
    copy = ModelPreset.objects.for_owner(alice.id).get()
    assert copy.system_prompt == house.system_prompt
    assert response.redirect_chain[-1][0] == f"/presets/{copy.id}"


def test_new_chats_begin_with_the_preset_made_the_default(page: Client, alice: User) -> None:
    preset = make(alice)
    page.post(f"/presets/{preset.id}/default")
    assert choosing.default_of(alice.id) == preset
    assert page.get("/presets").context["default_id"] == preset.id
    usual = ModelPreset.objects.published().get(slug=shipped.STANDING)
    page.post(f"/presets/{usual.id}/default")
    assert choosing.default_of(alice.id) is None


def test_a_preset_is_deleted_and_said_so(page: Client, alice: User) -> None:
    assert said(page.post(f"/presets/{make(alice).id}/delete", follow=True)) == "Deleted."
    assert not ModelPreset.objects.for_owner(alice.id).exists()


def test_a_file_goes_out_and_comes_in(page: Client, alice: User) -> None:
    make(alice, name="Out", system_prompt="Be terse.")
    file = io.BytesIO(page.get("/presets/export").content)
    file.name = "presets.json"
    assert said(page.post("/presets/import", {"file": file}, follow=True)) == "Imported: Out"
    assert [each.system_prompt for each in ModelPreset.objects.for_owner(alice.id)] == ["Be terse."] * 2


@pytest.mark.parametrize("content", [b"no json", b"[]", b'{"format": "x"}', json.dumps({"a": 1}).encode()])
def test_a_file_of_something_else_is_refused_in_words(page: Client, content: bytes) -> None:
    file = io.BytesIO(content)
    file.name = "x.json"
    assert said(page.post("/presets/import", {"file": file}, follow=True)) == "This is not a file of presets."


def test_charlie_finds_no_page_of_alices(alice: User) -> None:
    path = f"/presets/{make(alice).id}"
    charlie = signed_in(make_charlie())
    gets = [charlie.get(each).status_code for each in (path, f"{path}/export")]
    posts = [
        charlie.post(each).status_code for each in (f"{path}/delete", f"{path}/duplicate", f"{path}/default")
    ]
    assert gets + posts == [404] * 5
    assert "Mine" not in text(charlie, "/presets")


def test_a_published_preset_is_read_by_all_and_changed_by_staff(page: Client) -> None:
    house = ModelPreset.objects.published().get(slug="quran-study")
    assert "You are WisQu&#x27;s companion" in text(page, f"/presets/{house.id}")
    assert page.post(f"/presets/{house.id}", FORM).status_code == 200
    assert page.post(f"/presets/{house.id}/delete").status_code == 404
    staff = signed_in(make_user("staff@example.org", "premium", is_staff=True, is_superuser=True))
    staff.post(f"/presets/{house.id}", FORM | {"name": "Study", "is_public": "on"})
    house.refresh_from_db()
    assert (house.name, house.is_public) == ("Study", True)


def test_the_box_to_publish_is_for_staff(page: Client, alice: User) -> None:
    assert "is_public" not in page.get("/presets/new").context["form"].fields
    page.post("/presets/new", FORM | {"is_public": "on"})
    assert not ModelPreset.objects.for_owner(alice.id).get().is_public


def test_the_shelf_costs_the_same_queries_however_full_it_is(page: Client, alice: User) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for _ in range(2):
        make(alice)
        with CaptureQueriesContext(connection) as queries:
            page.get("/presets")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6


def test_shipped_names_are_the_same_in_files_and_words() -> None:
    for file in shipped.all_shipped():
        preset = ModelPreset(slug=file.slug, shipped_version=1)
        assert naming.shown_name(preset) == file.name
        assert naming.shown_description(preset) == file.description


def test_what_staff_have_renamed_is_called_as_they_want() -> None:
    preset = ModelPreset(slug="translator", name="Ours", shipped_version=None)
    assert naming.shown_name(preset) == "Ours"


def test_an_answer_calls_its_preset_as_it_was_called_then() -> None:
    used = {"slug": "translator", "is_public": True, "name": "Translator"}
    assert naming.used_name(used) == "Translator"
    assert naming.used_name(used | {"name": "Ours"}) == "Ours"
    assert naming.used_name(used | {"is_public": False, "name": "Mine"}) == "Mine"
    assert naming.used_name(None) == ""


def test_nothing_on_the_pages_needs_an_inline_script_or_style(page: Client, alice: User) -> None:
    for path in ("/presets", "/presets/new", f"/presets/{make(alice).id}"):
        shown = text(page, path)
        assert " style=" not in shown
        assert not re.search(r"<script(?![^>]*src=)", shown)
