"""The map of features of a notebook, which works both ways: ``w.chosen = 17`` shows an image, an image that is pointed at sets ``w.chosen``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

from vit_tutorial.widgets.feature_map.data import MapData
from vit_tutorial.widgets.feature_map.state import MapState


class EmbeddingMap(anywidget.AnyWidget, MapState):
    """Images as points, near each other where an encoder's features are. All traits but ``data`` may be set from Python at any time.

    Traits:
        encoder: the name of one of the encoders. map: ``pca`` or ``tsne``. chosen: the number of the image whose neighbours are shown.
        data: what the figure shows; see :func:`~vit_tutorial.widgets.feature_map.data.map_data`.

    Raises:
        traitlets.TraitError: a value that cannot be shown; the message says what can.
    """

    _esm = Path(__file__).parent / "dist" / "widget.js"

    def __init__(self, data: MapData, **traits: Any) -> None:
        super().__init__(data=data, **traits)
