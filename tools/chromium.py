"""Finds a Chromium for the browser tests; on Debian, root may have it installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge")
PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
PLAYWRIGHT_CACHES = ("~/.cache/ms-playwright", "~/Library/Caches/ms-playwright")
ADVICE = (
    "No Chromium was found, so the browser tests are skipped. Install one "
    "(Debian: apt-get install chromium; Fedora: dnf install chromium; macOS: brew install --cask chromium), "
    "or name one in CHROMIUM=/path/to/chromium."
)


def find() -> str | None:
    """Return the path of a Chromium, or None. CHROMIUM in the environment wins."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    for place in PLACES:
        if Path(place).exists():
            return place
    for cache in PLAYWRIGHT_CACHES:
        for file in sorted(Path(cache).expanduser().glob("chromium-*/chrome-*/*"), reverse=True):
            if file.name in {"chrome", "Chromium"} and os.access(file, os.X_OK):
                return str(file)
    return None


def ensure() -> str | None:
    """Return a Chromium, installing Debian's as root when there is none; else say what to install."""
    found = find()
    if found is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests …", flush=True)
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in ("update", "install -y --no-install-recommends chromium"):
            command = ["apt-get", "-qq", *words.split()]
            subprocess.call(command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        found = find()
    if found is None:
        print(ADVICE, flush=True)
    return found
