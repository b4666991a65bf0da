"""Documents that can be compared with what they speak of are."""

from __future__ import annotations

import re

import pytest

from wisqu.env import ROOT
from wisqu.variables import VARIABLES

pytestmark = pytest.mark.pure

ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`|\(empty\)) \|", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_the_settings_page_names_every_variable_with_its_default():
    rows = dict(ROW.findall((ROOT / "docs/settings.md").read_text()))
    assert rows == {name: variable.default for name, variable in VARIABLES.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(page):
    links = LINK.findall(page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_decisions_that_code_names_are_written_down():
    named = {
        found
        for path in [*ROOT.glob("wisqu/**/*.py"), *ROOT.glob("chat/**/*.py"), *ROOT.glob("billing/**/*.py")]
        for found in re.findall(r"docs/decisions/\S+\.md", path.read_text())
    }
    assert [each for each in named if not (ROOT / each).exists()] == []


def test_the_checks_call_the_test_command_that_the_readme_gives():
    assert "\nmake test " in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci/run").read_text().endswith("make lint\nmake test\n")
