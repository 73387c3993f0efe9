"""The map of features: the same images as several encoders arrange them, and each image's nearest neighbours.

In a notebook :func:`embedding_map` returns a widget; while the book is built it returns the same figure as an element of the page, after
it has made the widget too: what would fail for a reader fails the build.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from vit_tutorial.widgets.feature_map.data import MAPS, map_data
from vit_tutorial.widgets.feature_map.page import page_element
from vit_tutorial.widgets.feature_map.state import check_names, start_state
from vit_tutorial.widgets.feature_map.widget import EmbeddingMap
from vit_tutorial.widgets.page_figure import PageFigure


def embedding_map(
    images: Any,
    features: Mapping[str, Any],
    labels: Any = None,
    classes: Sequence[str] | None = None,
    *,
    neighbours: int = 8,
    maps: Sequence[str] = MAPS,
    seed: int = 0,
    caption: str = "",
    name: str = "",
    **state: Any,
) -> EmbeddingMap | PageFigure:
    """A map of images by each of several encoders' features; the image that is pointed at shows its nearest neighbours.

    Args:
        images: uint8 [N, 1 or 3, H, W], at most 600.
        features: by the name of its encoder, [N, D] each; D may differ.
        labels: [N] class numbers, which colour the points; None: no colours. classes: their names.
        neighbours: how many of an image; by the cosine of the features, all D of their numbers, not by the map.
        maps: ``pca`` and ``tsne``, of the features divided by their length; t-SNE takes about a second an encoder.
        seed: of t-SNE.
        caption, name: for the built page: the text below the figure, and its name in links.
        state: with what it starts: ``encoder="DINO", map="tsne", chosen=17``.

    Raises:
        ValueError: the numbers of images, features or labels do not agree, or something in them cannot be shown; an unknown name.
        traitlets.TraitError: a start that cannot be shown.
    """
    check_names(state)
    data = map_data(images, features, labels, classes, neighbours, maps, seed)
    if os.environ.get("VIT_BOOK_BUILD") != "1":
        return EmbeddingMap(data, **state)
    from vit_tutorial.widgets.feature_map.still import describe, draw  # here: a notebook needs no still

    start = start_state(data, state)
    picture = draw(start)
    EmbeddingMap(data, **state).close()
    return PageFigure(page_element(start, picture.html, caption, name), picture.png, describe(start))
