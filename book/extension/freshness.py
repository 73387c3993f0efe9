"""Outputs in the book always come from the package as it is now.

The cache of executed notebooks looks only at a notebook's own cells. A change in ``vit_tutorial`` would leave old outputs in
the book, so the package's sources choose the cache's folder: other sources, other folder, and every notebook runs again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment


def fingerprint(package: Path) -> str:
    """The first 12 hexadecimal digits of a SHA-256 over every file of the package: code, recipes, records, weights."""
    digest = hashlib.sha256()
    for path in sorted(p for p in package.rglob("*") if p.is_file() and p.suffix != ".pyc"):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def choose_cache(app: Sphinx, config: Config) -> None:
    root = Path(app.srcdir)
    if config.nb_execution_mode == "cache":
        config.nb_execution_cache_path = str(root / "_build" / "notebooks" / fingerprint(root / "vit_tutorial"))


def notebooks_of_other_sources(
    app: Sphinx, env: BuildEnvironment, added: Set[str], changed: Set[str], removed: Set[str]
) -> list[str]:
    """All notebooks, if the package has changed since the last build."""
    now, before = app.config.nb_execution_cache_path, getattr(env, "vt_cache_path", None)
    env.vt_cache_path = now  # type: ignore[attr-defined]
    if before in (None, now):
        return []
    return [name for name in env.found_docs if str(env.doc2path(name)).endswith(".ipynb")]


def setup(app: Sphinx) -> None:
    app.connect("config-inited", choose_cache, priority=400)
    app.connect("env-get-outdated", notebooks_of_other_sources)
