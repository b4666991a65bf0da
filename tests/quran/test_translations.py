"""Translations that operators import, and the page that says whose texts these are."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from chat.quotations import some_verses
from quran import translations
from quran.models import TranslatedVerse, Translation
from wisqu.scripture import verses

pytestmark = pytest.mark.django_db


def translation_file(folder: Path, *, without: tuple[int, int] | None = None, more: str = "") -> Path:
    """Write a translation of every verse but one, each with words that tell where it belongs."""
    places = [(surah, ayah) for surah in range(1, 115) for ayah in range(1, verses.lengths()[surah] + 1)]
    lines = [
        f"{surah}|{ayah}|Meaning of {surah}:{ayah}" for surah, ayah in places if (surah, ayah) != without
    ]
    path = folder / "meaning.txt"
    path.write_text("\n".join([*lines, more, "", "# Our own notice."]), encoding="utf-8-sig")
    return path


def run_import(path: Path, *, name: str = "The Meaning", language: str = "en") -> str:
    out = StringIO()
    call_command(
        "import_translation",
        str(path),
        name=name,
        translator="A. Translator",
        language=language,
        licence="CC BY-ND 4.0",
        stdout=out,
    )
    return out.getvalue()


def test_it_is_shown_with_its_verses_translator_and_licence(tmp_path: Path) -> None:
    assert "6,236 verses" in run_import(translation_file(tmp_path))
    (shown,) = some_verses(2, 255, 256)["translations"]
    assert (shown["name"], shown["translator"], shown["licence"]) == (
        "The Meaning",
        "A. Translator",
        "CC BY-ND 4.0",
    )
    assert shown["verses"][0] == {"ayah": 255, "text": "Meaning of 2:255"}
    assert len(shown["verses"]) == 2


def test_a_second_import_takes_the_place_of_the_first(tmp_path: Path) -> None:
    path = translation_file(tmp_path)
    run_import(path)
    run_import(path)
    assert (Translation.objects.count(), TranslatedVerse.objects.count()) == (1, 6236)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"without": (2, 255)}, "6235 verses"),
        ({"more": "2|255|Twice"}, "6237 verses"),
        ({"without": (2, 255), "more": "2|254|Twice"}, "6236 verses"),
        ({"more": "2|287|Too far"}, "is no verse"),
        ({"more": "only words"}, "Line 6237 is no verse"),
    ],
)
def test_a_file_that_is_no_whole_translation_is_refused(tmp_path: Path, change, complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        run_import(translation_file(tmp_path, **change))
    assert not Translation.objects.exists()


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read"):
        run_import(tmp_path / "missing.txt")
    with pytest.raises(translations.BadTranslation, match="UTF-8"):
        translations.read(b"1|1|\xff")


def test_one_language_is_asked_for_and_what_is_hidden_is_not_shown(
    tmp_path: Path, django_assert_num_queries
) -> None:
    path = translation_file(tmp_path)
    run_import(path)
    run_import(path, name="Anlamı", language="tr")
    with django_assert_num_queries(2):
        assert [each.language for each in translations.of_verses(1, 1, 7, language="tr")] == ["tr"]
    Translation.objects.filter(language="tr").update(is_shown=False)
    assert [each.language for each in translations.of_verses(1, 1, 7)] == ["en"]


def test_everybody_can_read_whose_texts_these_are(tmp_path: Path) -> None:
    run_import(translation_file(tmp_path))
    page = Client().get("/about").content.decode()
    assert 'href="https://tanzil.net"' in page
    assert "CHANGING IT IS NOT ALLOWED" in page
    assert verses.DIGESTS["uthmani.txt"] in page
    assert "A. Translator" in page
    assert "CC BY-ND 4.0" in page
    assert "Our own notice." in page


def test_the_state_tells_the_version_of_the_text() -> None:
    told = Client().get("/api/v1/health").json()["quran"]
    assert told == {"text": verses.VERSION, "sha256": verses.DIGESTS}
