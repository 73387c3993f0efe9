"""One headless Chromium for all browser tests; where there is none they are skipped with a message that says so."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from book_page import FolderVisit, Visit, visit, visit_folder
from engine_page import EnginePage
from web import served

from book.built import page_names, up_to_date

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several workers: the checks of one page of the book share a visit, so one worker has them all; else those of a file."""
    from xdist.scheduler import LoadScopeScheduling

    names = [*page_names(), "search"]

    class ByPage(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((name for name in names if nodeid.endswith(f"{name}]")), nodeid.split("::")[0])

    return ByPage(config, log)


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


@pytest.fixture(scope="session")
def server(html: Path) -> Iterator[str]:
    """The address of a web server on this machine that shows the built book."""
    with served(html) as address:
        yield address


@pytest.fixture(scope="session")
def visited(chromium: Any, server: str) -> Callable[[str], Visit]:
    """What a visit to a page showed; every page is visited once, by the first test that asks."""
    return functools.cache(lambda name: visit(chromium, f"{server}/{name}.html"))


@pytest.fixture(scope="session")
def visited_in_folder(chromium: Any, html: Path) -> Callable[[str], FolderVisit]:
    """The same without a server."""
    return functools.cache(lambda name: visit_folder(chromium, f"{html.as_uri()}/{name}.html"))


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
    with served(figures) as address:
        yield address


@pytest.fixture(params=["http", "file"])
def figures_base(request: pytest.FixtureRequest) -> str:
    """Where they are opened from: a web server, and a folder."""
    return str(
        request.getfixturevalue("figures_server")
        if request.param == "http"
        else request.getfixturevalue("figures").as_uri()
    )
