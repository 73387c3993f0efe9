"""The built book and its parts, for the tests of its text and its pages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parent.parent.parent
HTML = ROOT / "_build" / "html"
SOURCES = ("_config.yml", "_toc.yml", "book", "chapters", "vit_tutorial")


def newest(*paths: Path) -> float:
    """When the youngest file below the paths was changed; 0 where there is none."""
    files = (p for path in paths for p in ([path] if path.is_file() else path.rglob("*")))
    return max((p.stat().st_mtime for p in files if p.is_file() and p.suffix != ".pyc"), default=0.0)


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built book; `make book` builds it where it is missing or older than its sources."""
    if newest(*(ROOT / name for name in SOURCES)) > newest(HTML):
        subprocess.run(["make", "book"], cwd=ROOT, check=True, env={**os.environ, "MAKEFLAGS": ""})
    return HTML


def built_pages() -> list[str]:
    """Names of the pages in the table of contents, as in `book/index`, without building anything."""
    from sphinx_external_toc.parsing import parse_toc_yaml

    return [str(name) for name in parse_toc_yaml(ROOT / "_toc.yml")]


@pytest.fixture(params=built_pages())
def page(request: pytest.FixtureRequest, html: Path) -> tuple[Path, BeautifulSoup]:
    """One built page after the other: its path and its parsed text."""
    path = html / f"{request.param}.html"
    return path, BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
