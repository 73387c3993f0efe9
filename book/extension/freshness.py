"""A rebuild is never stale: whatever a page is made from decides whether it is made again.

Sphinx watches the pages, and the cache of executed notebooks looks only at a notebook's own cells. A change in
``vit_tutorial`` would leave old outputs in the book, and a change in this extension or in the style sheet old pages. So their
fingerprints take part in the configuration: another package, another cache folder, and every notebook runs again.

Sphinx also says once what is wrong with a page, and is silent in the next build, which does not make that page again. So a build
that failed leaves no state: the next one reads all pages, and says it again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sphinx.application import ENV_PICKLE_FILENAME, Sphinx
from sphinx.config import Config


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
    config.vt_package = fingerprint(root / "vit_tutorial")
    if getattr(config, "nb_execution_mode", "off") == "cache":
        config.nb_execution_cache_path = str(root / "_build" / "notebooks" / config.vt_package)


def forget_a_failed_build(app: Sphinx, error: Exception | None) -> None:
    if app.keep_going and app._warncount:  # after an exception Sphinx does it by itself
        (Path(app.doctreedir) / ENV_PICKLE_FILENAME).unlink(missing_ok=True)


def setup(app: Sphinx) -> None:
    app.add_config_value("vt_extension", "", "env")  # a change reads every page again
    app.add_config_value("vt_package", "", "env")  # and so does one here: figures and results are made by it
    app.add_config_value("vt_assets", "", "html")  # a change writes every page again
    app.connect("config-inited", take_fingerprints, priority=400)
    app.connect("build-finished", forget_a_failed_build)
