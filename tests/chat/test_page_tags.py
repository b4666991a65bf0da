"""The tags of the pages."""

from types import SimpleNamespace

import pytest

from chat.templatetags import page


def test_hashed_scripts_find_each_other_by_an_import_map(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = {"js/chat.js": "js/chat.1a.js", "css/chat.css": "css/chat.2b.css"}
    monkeypatch.setattr(page, "staticfiles_storage", SimpleNamespace(hashed_files=hashed))
    monkeypatch.setattr(page, "static", lambda name: f"/static/{hashed[name]}")

    assert page.import_map({"CSP_NONCE": "once"}) == (
        '<script type="importmap" nonce="once">'
        '{"imports": {"/static/js/chat.js": "/static/js/chat.1a.js"}}</script>'
    )


def test_without_hashes_there_is_no_import_map() -> None:
    assert page.import_map({}) == ""


def test_all_modules_of_a_page_are_fetched_at_once() -> None:
    links = page.preload_modules("js/chat.js")

    assert 'href="/static/js/popup.js"' in links  # two floors down
    assert links.count("/js/page.js") == 1
    assert "highlight" not in links  # what is fetched when it is needed


@pytest.mark.parametrize(
    ("used", "limit", "remaining", "shown"),
    [(79, 100, 21, ""), (80, 100, 20, "nearly"), (100, 100, 0, "spent")],
)
def test_a_meter_warns_before_it_is_empty(used: int, limit: int, remaining: int, shown: str) -> None:
    assert page.pressure({"used": used, "limit": limit, "remaining": remaining}) == shown


def test_a_meter_without_a_limit_never_warns() -> None:
    assert page.pressure({"used": 10_000, "limit": None, "remaining": None}) == ""


def test_sources_are_named_once_and_only_such_as_may_be_opened() -> None:
    good = {"url": "https://example.org", "title": "A"}

    found = page.citations.sources([good, dict(good), {"url": "javascript:alert(1)", "title": "B"}])
    assert [(each.url, each.title) for each in found] == [("https://example.org", "A")]


def test_a_length_counts_as_scripts_count() -> None:
    assert page.utf16_length("a🌍") == 3
