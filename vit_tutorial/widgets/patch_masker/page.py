"""The patch masker of a built page."""

from __future__ import annotations

from vit_tutorial.widgets.page_figure import figure_element
from vit_tutorial.widgets.patch_masker.state import MODEL, SETTINGS, MaskerState


def page_element(start: MaskerState, still: str, caption: str, name: str = "") -> str:
    """The figure as HTML: a picture and a caption; the page's loader makes it live. ``caption`` is HTML where it starts with ``<``."""
    data = {"model": MODEL, "state": {key: getattr(start, key) for key in SETTINGS}}
    needs = ["vit-masking.js", f"model-{MODEL}.js", f"gallery-{MODEL}.js"]
    return figure_element("patch_masker", needs, data, still, caption, name)
