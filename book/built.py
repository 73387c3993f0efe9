"""The built book: where it is, which pages it has, and building it again where it is older than its sources."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parent.parent
HTML = ROOT / "_build" / "html"
SOURCES = ("_config.yml", "_toc.yml", "appendices", "benchmarks", "book", "chapters", "vit_tutorial")


def page_names() -> list[str]:
    """The pages of the table of contents in reading order, as in ``book/index``; nothing is built for it."""
    return [str(name) for name in parse_toc_yaml(ROOT / "_toc.yml")]


def newest(*paths: Path) -> float:
    """When the youngest file below the paths was changed; 0 where there is none."""
    files = (p for path in paths for p in ([path] if path.is_file() else path.rglob("*")))
    return max((p.stat().st_mtime for p in files if p.is_file() and p.suffix != ".pyc"), default=0.0)


def up_to_date() -> Path:
    """The folder of the built book; ``make book`` builds it first where it is missing or older than a source."""
    HTML.parent.mkdir(exist_ok=True)
    with (HTML.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test processes one builds, the others wait and find it built
        if newest(*(ROOT / name for name in SOURCES)) > newest(HTML):
            environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
            subprocess.run(["make", "book"], cwd=ROOT, check=True, env=environment)
    return HTML
