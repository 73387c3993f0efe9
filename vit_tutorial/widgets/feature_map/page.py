"""The map of features of a built page; everything that it shows is in the page itself."""

from __future__ import annotations

from vit_tutorial.widgets.feature_map.state import SETTINGS, MapState
from vit_tutorial.widgets.page_figure import figure_element


def page_element(start: MapState, still: str, caption: str, name: str = "") -> str:
    """The figure as HTML: a picture and a caption; the page's loader makes it live. ``caption`` is HTML where it starts with ``<``."""
    data = {"data": start.data, "state": {key: getattr(start, key) for key in SETTINGS}}
    return figure_element("feature_map", ["vit-map.js"], data, still, caption, name)
