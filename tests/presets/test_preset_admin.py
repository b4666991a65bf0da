"""The operator's desk for presets."""

from __future__ import annotations

import pytest
from django.test import Client

from presets import keeping, standing
from presets.models import ModelPreset
from tests.people import make_alice, make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

LIST = "/admin/presets/modelpreset/"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    standing.forget()


@pytest.fixture
def root() -> User:
    return make_user("root@example.org", "premium", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(root: User) -> Client:
    return signed_in(root)


def form_of(desk: Client, path: str) -> dict:
    form = desk.get(path).context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in shown.items() if value not in (None, False)}


def run(desk: Client, action: str, *presets: ModelPreset) -> None:
    desk.post(LIST, {"action": action, "_selected_action": [preset.id for preset in presets]})


def test_a_new_one_is_published_at_once(desk: Client) -> None:
    desk.post(f"{LIST}add/", form_of(desk, f"{LIST}add/") | {"name": "House rules", "slug": ""})
    preset = ModelPreset.objects.get(slug="house-rules")
    assert (preset.is_public, preset.version) == (True, 1)


def test_an_edited_one_is_a_new_version_that_no_seed_overwrites(desk: Client) -> None:
    preset = ModelPreset.objects.get(slug="translator")
    path = f"{LIST}{preset.id}/change/"
    desk.post(path, form_of(desk, path) | {"system_prompt": "Translate."})
    preset.refresh_from_db()
    assert (preset.system_prompt, preset.version, preset.shipped_version) == ("Translate.", 2, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "nobody/nothing"},
        {"fallback_models": '"openai/gpt-4o-mini"'},
        {"slug": "quran-study"},
        {"slug": "Not A Slug"},
    ],
)
def test_what_makes_no_sense_is_refused_on_the_form(desk: Client, fields: dict) -> None:
    path = f"{LIST}{ModelPreset.objects.get(slug='translator').id}/change/"
    assert desk.post(path, form_of(desk, path) | fields).status_code == 200
    assert ModelPreset.objects.get(slug="translator").version == 1


def test_own_ones_are_published_and_withdrawn(desk: Client, root: User) -> None:
    preset = keeping.make(owner_id=root.id, values={"name": "Mine"})
    run(desk, "publish", preset)
    assert ModelPreset.objects.get(id=preset.id).is_public
    run(desk, "withdraw", preset)
    assert ModelPreset.objects.get(id=preset.id).owner == root


def test_other_peoples_are_not_on_the_desk(desk: Client) -> None:
    preset = keeping.make(owner_id=make_alice().id, values={"name": "Alice's secret"})
    assert "secret" not in desk.get(LIST).content.decode()
    assert desk.get(f"{LIST}{preset.id}/change/").status_code == 302
