"""A rebuild is never stale: whatever a page is made from decides whether it is made again.

Sphinx watches the pages, and the cache of executed notebooks looks only at a notebook's own cells. A change in
``vit_tutorial`` would leave old outputs in the book, and a change in this extension or in the style sheet old pages. So their
fingerprints take part in the configuration: another package, another cache folder, and every notebook runs again.

Sphinx also says once what is wrong with a page, and is silent in the next build, which does not make that page again. So a build
that failed leaves no state: the next one reads all pages, and says it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set
from pathlib import Path

from sphinx.application import ENV_PICKLE_FILENAME, Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment


def fingerprint(*folders: Path) -> str:
    """The first 12 hexadecimal digits of a SHA-256 over every file in the folders, names and contents."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc"):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def take_fingerprints(app: Sphinx, config: Config) -> None:
    root = Path(app.srcdir)
    config.vt_extension = fingerprint(root / "book" / "extension")
    config.vt_assets = fingerprint(root / "book" / "assets")
    if getattr(config, "nb_execution_mode", "off") == "cache":
        config.nb_execution_cache_path = str(root / "_build" / "notebooks" / fingerprint(root / "vit_tutorial"))


def notebooks_of_another_package(
    app: Sphinx, env: BuildEnvironment, added: Set[str], changed: Set[str], removed: Set[str]
) -> list[str]:
    """All notebooks, if the package has changed since the last build."""
    now, before = getattr(app.config, "nb_execution_cache_path", ""), getattr(env, "vt_cache_path", None)
    env.vt_cache_path = now  # type: ignore[attr-defined]
    if before in (None, now):
        return []
    return [name for name in env.found_docs if str(env.doc2path(name)).endswith(".ipynb")]


def forget_a_failed_build(app: Sphinx, error: Exception | None) -> None:
    if app.keep_going and app._warncount:  # after an exception Sphinx does it by itself
        (Path(app.doctreedir) / ENV_PICKLE_FILENAME).unlink(missing_ok=True)


def setup(app: Sphinx) -> None:
    app.add_config_value("vt_extension", "", "env")  # a change reads every page again
    app.add_config_value("vt_assets", "", "html")  # a change writes every page again
    app.connect("config-inited", take_fingerprints, priority=400)
    app.connect("env-get-outdated", notebooks_of_another_package)
    app.connect("build-finished", forget_a_failed_build)
