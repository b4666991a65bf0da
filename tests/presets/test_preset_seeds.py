"""The presets that the product ships with, and how they come into the database."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from presets import preset_seeds, shipped
from presets.models import ModelPreset

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parents[2] / "docs" / "presets.md"


def run(*options: str) -> str:
    out = StringIO()
    call_command("seed_presets", *options, stdout=out)
    return out.getvalue()


def translator() -> ModelPreset:
    return ModelPreset.objects.get(slug="translator")


@pytest.fixture
def newer(monkeypatch) -> None:
    """The next release of the product has another prompt for the translator."""
    files = [
        replace(file, version=2, system_prompt="Newer.") if file.slug == "translator" else file
        for file in shipped.all_shipped()
    ]
    monkeypatch.setattr(preset_seeds, "all_shipped", lambda: files)


def test_all_are_published_and_a_second_run_writes_nothing() -> None:
    assert set(ModelPreset.objects.published().values_list("slug", flat=True)) == set(shipped.ORDER)
    assert "All presets are there" in run()


def test_a_newer_file_renews_what_nobody_has_changed(newer: None) -> None:
    assert "Presets written: 1" in run()
    assert (translator().system_prompt, translator().version) == ("Newer.", 2)


def test_what_staff_have_changed_stays_until_it_is_put_back(newer: None) -> None:
    ModelPreset.objects.filter(slug="translator").update(system_prompt="Ours.", shipped_version=None)
    run()
    assert translator().system_prompt == "Ours."
    run("--reset")
    assert translator().system_prompt == "Newer."


def test_a_missing_one_comes_back() -> None:
    translator().delete()
    run()
    assert translator().is_public


def test_people_with_such_a_slug_keep_theirs(django_user_model) -> None:
    translator().delete()
    own = ModelPreset.objects.create(
        owner=django_user_model.objects.create_user("a@example.org"), name="Own", slug="translator"
    )
    run()
    assert set(ModelPreset.objects.filter(slug="translator").values_list("owner", flat=True)) == {
        own.owner_id,
        None,
    }


def test_a_changed_prompt_has_a_new_version_and_its_reason_in_the_docs() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \| `([0-9a-f]{12})` \|", PAGE.read_text(), re.MULTILINE)
    latest = {slug: (int(version), mark) for slug, version, mark in rows}  # the last row of each counts
    assert latest == {
        file.slug: (file.version, hashlib.sha256(file.system_prompt.encode()).hexdigest()[:12])
        for file in shipped.all_shipped()
    }


def test_the_default_says_what_it_has_to() -> None:
    prompt = shipped.read(shipped.STANDING).system_prompt
    for promise in (
        "in the language of the question",
        "Say where a statement comes from",
        "differ",
        "qualified scholar",
    ):
        assert promise in prompt
