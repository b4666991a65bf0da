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


def number(text: str) -> float:
    """Return the first number of a cell: "4.3 million" is 4,300,000."""
    found = re.match(r"([\d.,]+)( million)?", text)
    assert found, text
    return float(found[1].replace(",", "")) * (1e6 if found[2] else 1)


def test_the_capacity_page_is_computed_from_the_measured_figure():
    page = (ROOT / "docs/capacity.md").read_text()
    measured = re.search(
        r"WisQu, SQLite / PostgreSQL \| [\d,]+ / ([\d,]+)", (ROOT / "docs/performance.md").read_text()
    )
    assert measured
    assert f"PostgreSQL | {measured[1]} | `T` |" in page
    rows = [re.split(r" *\| *", line.strip("| ")) for line in page.splitlines() if line.startswith("| ")]
    numbers = [row for row in rows if len(row) == 4 and row[1][:1].isdigit() and row[2][:1].isdigit()]
    table = {name: [number(each) for each in cells] for name, *cells in numbers}
    assert table["web processes"] == [1, 5, 8 * 7]
    for place, processes in enumerate(table["web processes"]):
        writing = 0.7 * number(measured[1]) / 60 * processes
        asking = writing * 60 / 7
        expected = {"answers being written": writing, "people at it": asking, "people a month": asking * 100,
                    "answers a second": asking / 60,
                    "ledger entries a day, if the busiest hour is a tenth of it": asking * 600}  # fmt: skip
        for name, value in expected.items():
            assert table[name][place] == pytest.approx(value, rel=0.03), (name, place)
