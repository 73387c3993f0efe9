"""The scene of a notebook, which works both ways: ``w.digits = [...]`` lays digits down, a digit that is dragged changes ``w.digits``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import numpy as np
import traitlets as t
from numpy.typing import NDArray

from vit_tutorial.widgets.models.asset import Asset, shared_asset
from vit_tutorial.widgets.scene_segmenter.scene import palette
from vit_tutorial.widgets.scene_segmenter.state import MODELS, SceneState, canvas


class SceneSegmenter(anywidget.AnyWidget, SceneState):
    """Digits on a canvas and the mask of a segmenter. All traits may be set from Python at any time.

    Traits:
        decoder: ``linear`` or ``mask``, the head that runs.
        digits: in the order they are laid down, each ``{"digit": i, "row": y, "column": x, "angle": degrees}``; digit i of the palette shows
            i modulo 10, row and column are those of the upper left of its 8x8 pixels, the angle is clockwise.
        opacity: of the mask, 0 to 1. show: ``model``, ``truth`` or ``wrong`` (the pixels that differ).
        hide: patches that the model does not see. selected: the digit in hand, or -1. tool: ``move``, ``draw`` or ``hide``.
        mask: the model's classes, row by row, computed by the page (:meth:`mask_array` has them as an array). right: the share of pixels
            that are right. miou: of this scene. Empty and None until the figure is on the screen.

    Raises:
        traitlets.TraitError: a value that cannot be shown; the message says what can.
    """

    _esm = Path(__file__).parent / "dist" / "widget.js"
    linear = t.Instance(Asset).tag(sync=True, **ipywidgets.widget_serialization)
    mask_transformer = t.Instance(Asset).tag(sync=True, **ipywidgets.widget_serialization)
    palette: t.List[Any] = t.List().tag(sync=True)
    mask = t.List(t.Int()).tag(sync=True)
    right = t.Float(None, allow_none=True).tag(sync=True)
    miou = t.Float(None, allow_none=True).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        assets = {"linear": shared_asset(MODELS["linear"]), "mask_transformer": shared_asset(MODELS["mask"])}
        super().__init__(**assets, palette=palette(), **traits)

    def mask_array(self) -> NDArray[np.uint8]:
        """The mask that the page computed, [H, W].

        Raises:
            ValueError: the figure is not on the screen yet.
        """
        if not self.mask:
            raise ValueError("the page has computed no mask yet: show the figure as the last value of a cell first")
        return np.array(self.mask, np.uint8).reshape(canvas())
