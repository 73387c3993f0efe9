"""The built book in headless Chromium, over http and from a folder. All tests here are skipped where there is no Chromium."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HTML = ROOT / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SOURCES = ("_config.yml", "_toc.yml", "book", "chapters", "vit_tutorial")


def find_chromium() -> str | None:
    """`$CHROMIUM`, or the first browser of that kind on the path."""
    return os.environ.get("CHROMIUM") or next((path for path in map(shutil.which, NAMES) if path), None)


def newest(*paths: Path) -> float:
    files = (p for path in paths for p in ([path] if path.is_file() else path.rglob("*")))
    return max((p.stat().st_mtime for p in files if p.is_file() and p.suffix != ".pyc"), default=0.0)


def page_names() -> list[str]:
    """The pages of the table of contents, and the search page."""
    from sphinx_external_toc.parsing import parse_toc_yaml

    return [*(str(name) for name in parse_toc_yaml(ROOT / "_toc.yml")), "search"]


@pytest.fixture(scope="session")
def html() -> Path:
    if newest(*(ROOT / name for name in SOURCES)) > newest(HTML):
        subprocess.run(["make", "book"], cwd=ROOT, check=True, env={**os.environ, "MAKEFLAGS": ""})
    return HTML


@pytest.fixture(scope="session")
def browser():  # type: ignore[no-untyped-def]
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium here: install one (Debian: apt install chromium) or set CHROMIUM to its path")
    sync_playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").sync_playwright
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """No line in the test's output for each file."""


@pytest.fixture(scope="session")
def server(html: Path) -> Iterator[str]:
    """The address of a web server on this machine that shows the built book."""
    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


@pytest.fixture(params=["http", "file"])
def base(request: pytest.FixtureRequest) -> str:
    """Where the book is opened from: a web server, and a folder."""
    if request.param == "http":
        return str(request.getfixturevalue("server"))
    return request.getfixturevalue("html").as_uri()


if sys.platform == "win32":
    collect_ignore_glob = ["*"]
