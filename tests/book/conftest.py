"""The built pages, for the tests of what a reader gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from book.built import page_names, up_to_date


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built book."""
    return up_to_date()


@pytest.fixture(scope="module", params=page_names())
def page(request: pytest.FixtureRequest, html: Path) -> tuple[Path, BeautifulSoup]:
    """One built page after the other: its path and its text, parsed once for all checks, which change nothing in it."""
    path = html / f"{request.param}.html"
    return path, BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
