"""A rebuild is never stale: whatever a page is made from decides whether it is made again.

Sphinx watches the pages, and the cache of executed notebooks looks only at a notebook's own cells. A change in
``vit_tutorial`` would leave old outputs in the book, and a change in this extension or in the style sheet old pages. So their
fingerprints take part in the configuration: another package, another cache folder, and every notebook runs again.

Sphinx also says only once what is wrong with a page, and takes pages for written that an interrupted build has read but not written.
So only a build that came to its end without a warning leaves its state to the next one; after any other all pages are made again.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import ENV_PICKLE_FILENAME, Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from book.notebook_cache import cache_folder, fingerprint

UNFINISHED = "environment.unfinished"  # the state of a build that has not come to its end


def take_fingerprints(app: Sphinx, config: Config) -> None:
    root = Path(app.srcdir)
    config.vt_extension = fingerprint(root / "book" / "extension")
    config.vt_assets = fingerprint(root / "book" / "assets")
    config.vt_package = fingerprint(root / "vit_tutorial")
    if getattr(config, "nb_execution_mode", "off") == "cache":
        config.nb_execution_cache_path = str(cache_folder(root))


def set_state_aside(app: Sphinx, env: BuildEnvironment) -> None:
    """Sphinx has just saved what it read, before anything is written."""
    state = Path(app.doctreedir) / ENV_PICKLE_FILENAME
    state.rename(state.with_name(UNFINISHED))


def keep_state(app: Sphinx, error: Exception | None) -> None:
    state = Path(app.doctreedir) / ENV_PICKLE_FILENAME
    unfinished = state.with_name(UNFINISHED)
    if error or (app.keep_going and app._warncount):
        state.unlink(missing_ok=True)
    elif unfinished.is_file():
        unfinished.rename(state)


def setup(app: Sphinx) -> None:
    app.add_config_value("vt_extension", "", "env")  # a change reads every page again
    app.add_config_value("vt_package", "", "env")  # and so does one here: figures and results are made by it
    app.add_config_value("vt_assets", "", "html")  # a change writes every page again
    app.connect("config-inited", take_fingerprints, priority=400)
    app.connect("env-check-consistency", set_state_aside)
    app.connect("build-finished", keep_state)
