"""What axe finds wrong with a page that has come to rest."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AT_REST = "Promise.allSettled(document.getAnimations().map(each => each.finished))"


def flaws(page: Page, *, reads_sheets: bool = True) -> list[tuple[str, list[str]]]:
    """Return each rule that is broken, with the elements that break it. What fades in has faded in.

    To read the sheets that a sheet imports axe puts them into the page, which the policy forbids it: without
    `reads_sheets` it leaves them alone, and the one rule out that needs them (a locked orientation).
    """
    page.evaluate(f"Promise.race([{AT_REST}, new Promise(done => setTimeout(done, 1000))])")
    violations = Axe().run(page, options={"preload": reads_sheets}).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations]
