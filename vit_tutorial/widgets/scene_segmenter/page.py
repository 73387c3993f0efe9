"""The scene segmenter of a built page."""

from __future__ import annotations

from vit_tutorial.widgets.page_figure import figure_element
from vit_tutorial.widgets.scene_segmenter.scene import palette
from vit_tutorial.widgets.scene_segmenter.state import MODELS, SETTINGS, SceneState


def page_element(start: SceneState, still: str, caption: str, name: str = "") -> str:
    """The figure as HTML: a picture and a caption; the page's loader makes it live. ``caption`` is HTML where it starts with ``<``."""
    data = {"models": MODELS, "palette": palette(), "state": {key: getattr(start, key) for key in SETTINGS}}
    needs = ["vit-scenes.js", *(f"model-{model}.js" for model in MODELS.values())]
    return figure_element("scene_segmenter", needs, data, still, caption, name)
