"""The scene segmenter: a trained ViT that names every pixel of a scene which the reader lays out.

In a notebook :func:`scene_mask` returns a widget; while the book is built it returns the same figure as an element of the page, after
it has made the widget too: what would fail for a reader fails the build.
"""

from __future__ import annotations

import os
from typing import Any

from vit_tutorial.widgets.page_figure import PageFigure
from vit_tutorial.widgets.scene_segmenter.page import page_element
from vit_tutorial.widgets.scene_segmenter.state import check_names, start_state
from vit_tutorial.widgets.scene_segmenter.widget import SceneSegmenter


def scene_mask(*, caption: str = "", name: str = "", **state: Any) -> SceneSegmenter | PageFigure:
    """A scene of real digits that can be moved, turned, drawn and hidden, and the mask of a segmenter that follows.

    Args:
        caption, name: for the built page: the text below the figure, and its name in links.
        state: with what it starts: ``decoder="mask", show="truth", opacity=0.5, digits=[{"digit": 3, "row": 2, "column": 5}]``; see
            :class:`SceneSegmenter`.

    Raises:
        FileNotFoundError: a model is missing.
        traitlets.TraitError, ValueError: a value that cannot be shown; an unknown name.
    """
    if os.environ.get("VIT_BOOK_BUILD") != "1":
        check_names(state)
        return SceneSegmenter(**state)
    from vit_tutorial.widgets.scene_segmenter.still import describe, draw  # here: a notebook needs no still

    start = start_state(state)
    picture = draw(start)
    SceneSegmenter(**state).close()
    return PageFigure(page_element(start, picture.html, caption, name), picture.png, describe(start))
