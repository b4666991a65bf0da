"""Every language says everything, and says it with the same blanks to fill."""

import gettext
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from chat.words import script_words
from tests.people import make_alice
from wisqu.accounts.credentials import make_key
from wisqu.accounts.models import APIKey, User

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
BLANK = re.compile(r"%\(\w+\)\w|</?\w+")


# Names, which no language translates.
NAMES = re.compile(
    r"WisQu|API|UTC|JavaScript|Premium|Markdown|JSON|zip|conversations\.json|ChatGPT|example\.org"
    r"|Ctrl|Shift|Enter|Esc|Cmd|Alt"
)


class Wording(HTMLParser):
    """The text of a page that its reader's language has to answer for."""

    VOID = frozenset(("meta", "link", "input", "br", "img", "hr", "path", "use"))
    OTHER = frozenset(("script", "style", "bdi", "code", "kbd", "select", "symbol", "time"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.skipped: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            ltr = dict(attrs).get("dir") in ("ltr", "auto")
            self.skipped.append(ltr or tag in self.OTHER or any(self.skipped[-1:]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            self.skipped.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.skipped[-1:]):
            self.texts.append(data.strip())


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
            # A language without a singular says the number where English says `one`.
            blanks = [blank for blank in BLANK.findall(texts[0]) if blank != "%(n)s"]
            assert sorted(blanks) == sorted(BLANK.findall(english)), english


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_scripts_speak_it(language: str) -> None:
    with translation.override(language):
        words = script_words()

    assert words["failed"] != script_words()["failed"]
    assert all(words.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_one_chooses_from_is_in_the_language(language: str) -> None:
    for label in [*User.Theme.labels, *APIKey.Scope.labels]:
        with translation.override("en"):
            english = str(label)
        with translation.override(language):
            assert str(label) != english


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/accounts/profile/", "/accounts/keys/"])
def test_an_arabic_page_holds_no_english(client: Client, path: str) -> None:
    alice = make_alice(language="ar", name="نور")
    make_key(user=alice, name="mine", scopes=["read", "write", "account"])
    client.force_login(alice)
    texts = Wording(client.get(path).content.decode()).texts

    assert "".join(texts)
    assert [text for text in texts if re.search("[A-Za-z]", NAMES.sub("", text))] == []


@pytest.mark.django_db
def test_a_keys_name_stands_at_the_edge_of_its_row(client: Client) -> None:
    alice = make_alice(language="ar")
    make_key(user=alice, name="laptop", scopes=["read"])
    client.force_login(alice)

    assert '<p class="strong"><bdi>laptop</bdi></p>' in client.get("/accounts/keys/").content.decode()
