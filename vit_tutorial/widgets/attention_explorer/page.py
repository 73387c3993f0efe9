"""The explorer of a built page: an element that needs no kernel, and a picture with a caption where there is no JavaScript."""

from __future__ import annotations

from vit_tutorial.widgets.attention_explorer.state import ExplorerState
from vit_tutorial.widgets.page_figure import figure_element


def page_element(start: ExplorerState, svg: str, caption: str, name: str = "") -> str:
    """The figure as HTML: a picture and a caption; the page's loader makes it live. ``caption`` is HTML where it starts with ``<``."""
    data = {"model": start.model, "state": start.state(), "steps": list(start.steps)}
    needs = ["vit-engine.js", "vit-explorer.js", f"model-{start.model}.js", f"gallery-{start.model}.js"]
    return figure_element("explorer", needs, data, svg, caption, name)
