"""One headless Chromium for all browser tests; where there is none they are skipped with a message that says so."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_page import EnginePage

from book.built import up_to_date

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Playwright's Browser object over the system's Chromium (``CHROMIUM``: another path)."""
    path = (
        os.environ.get("CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        pytest.skip("no Chromium here: install it (apt-get install chromium) or set CHROMIUM to its path")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def engine(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> EnginePage:
    """A page with the engine, shared by the tests of one file."""
    return EnginePage(chromium, tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built book."""
    return up_to_date()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that prints no line for each file."""

    def log_message(self, *arguments: object) -> None:
        pass


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
    return str(request.getfixturevalue("html").as_uri())


@pytest.fixture(scope="session")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small pages with attention explorers."""
    from explorer_page import write_site

    return write_site(tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="session")
def figures_server(figures: Path) -> Iterator[str]:
    """The address of a web server that shows them."""
    handler = functools.partial(Quiet, directory=str(figures))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


@pytest.fixture(params=["http", "file"])
def figures_base(request: pytest.FixtureRequest) -> str:
    """Where they are opened from: a web server, and a folder."""
    return str(
        request.getfixturevalue("figures_server")
        if request.param == "http"
        else request.getfixturevalue("figures").as_uri()
    )
