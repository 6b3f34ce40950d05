"""Reports in a real browser: Debian's Chromium through Playwright; every request is caught, aborted and counted.

apt-get install chromium; CHROMIUM names another executable. Screenshots lie in the folder of temporary files, or where
SCREENSHOTS says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright  # of the environment browser alone

    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert executable, "no chromium is here; apt-get install chromium, or name one with CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


def _tumorbench(folder: Path, site: Path, *arguments: object) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(site),
        "OMP_NUM_THREADS": "1",
        "TUMORBENCH_CACHE": str(folder / "cache"),
    }
    environment.pop("TUMORBENCH_DATA", None)
    command = [sys.executable, "-m", "tumorbench", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def local_report(tmp_path_factory, tiny_site):
    """Of a working store: a classifier, a segmenter and a generator on small shapes, with their pictures."""
    folder = tmp_path_factory.mktemp("local")
    chosen = ["-d", "tiny-shapes", "-m", "tiny-classifier", "-m", "tiny-segmenter", "-m", "tiny-artist"]
    _tumorbench(folder, tiny_site, "run", *chosen, "--budget", "quick", "--protocol", "grouped", "--fold", 0)
    _tumorbench(folder, tiny_site, "report")
    return folder / "runs" / "report.html"


@pytest.fixture(scope="session")
def published_report(tmp_path_factory, tiny_site):
    """Of the published records of this repository."""
    folder = tmp_path_factory.mktemp("published")
    _tumorbench(folder, tiny_site, "report", "--published", ROOT / "leaderboards", "-o", folder / "report.html")
    return folder / "report.html"


@pytest.fixture
def visit(chromium):
    """Opens a file and returns its page, with the attributes ``requests`` and ``told``: the console, and errors."""
    contexts = []

    def open_file(path: Path, *, size=DESKTOP, dark=False, scripts=True):
        context = chromium.new_context(
            viewport=size, color_scheme="dark" if dark else "light", java_script_enabled=scripts
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.requests, page.told = [], []
        own = path.as_uri()

        def caught(route):
            if route.request.url == own:
                route.continue_()
            else:
                page.requests.append(route.request.url)
                route.abort()

        context.route(lambda url: not url.startswith("data:"), caught)
        page.on("console", lambda message: page.told.append(message.text))
        page.on("pageerror", lambda error: page.told.append(str(error)))
        page.goto(own)
        return page

    yield open_file
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory):
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
