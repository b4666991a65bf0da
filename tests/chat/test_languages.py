"""Every language says everything, and says it with the same blanks to fill."""

import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from chat.words import script_words

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
BLANK = re.compile(r"%\(\w+\)\w|</?\w+")


def catalogue(language: str) -> dict[str, list[str]]:
    """Each English wording with its translations: one, or one for each plural."""
    path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        entries = gettext.GNUTranslations(file)._catalog
    found: dict[str, list[str]] = {}
    for key, text in entries.items():
        found.setdefault(key[0] if isinstance(key, tuple) else key, []).append(text)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_wording_is_missing(language: str) -> None:
    wordings = catalogue(language)

    assert wordings.keys() == catalogue("ar").keys()
    assert all(text for texts in wordings.values() for text in texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_has_the_blanks_of_the_original(language: str) -> None:
    for english, texts in catalogue(language).items():
        if english and "%(n)s" not in english:
            assert sorted(BLANK.findall(texts[0])) == sorted(BLANK.findall(english)), english


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_scripts_speak_it(language: str) -> None:
    with translation.override(language):
        words = script_words()

    assert words["failed"] != script_words()["failed"]
    assert all(words.values())
