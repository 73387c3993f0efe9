"""The patch masker of a notebook, which works both ways: ``w.hide = [...]`` hides patches, a patch that is hidden by hand changes ``w.hide``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import numpy as np
import traitlets as t
from numpy.typing import NDArray

from vit_tutorial.patches import pair
from vit_tutorial.widgets.models.asset import Asset, shared_asset
from vit_tutorial.widgets.models.page_model import read_page_model
from vit_tutorial.widgets.patch_masker.state import MODEL, MaskerState


class PatchMasker(anywidget.AnyWidget, MaskerState):
    """An image, its hidden patches, and what a masked autoencoder paints there. All traits may be set from Python at any time.

    Traits:
        image: the name of a picture of the gallery. hide: the hidden patches, counted in reading order; three quarters of them at first.
        sampling: how the reader's next draw chooses them: ``random``, ``block`` or ``grid``.
        show: on the right, ``painted``, ``image`` or ``error``.
        painted: the normalised pixels of the image with its hidden patches painted, computed by the page (:meth:`painted_array` has
            them as an array). error, guess_error: the mean squared error on the hidden patches, of the decoder and of the mean of the
            visible pixels, in the units of the loss; None where nothing is hidden. Empty and None until the figure is on the screen.

    Raises:
        traitlets.TraitError: a value that cannot be shown; the message says what can.
    """

    _esm = Path(__file__).parent / "dist" / "widget.js"
    asset = t.Instance(Asset).tag(sync=True, **ipywidgets.widget_serialization)
    painted = t.List(t.Float()).tag(sync=True)
    error = t.Float(None, allow_none=True).tag(sync=True)
    guess_error = t.Float(None, allow_none=True).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(asset=shared_asset(MODEL), **traits)

    def painted_array(self) -> NDArray[np.float32]:
        """What the page painted, [C, H, W], normalised as the model takes it.

        Raises:
            ValueError: the figure is not on the screen yet.
        """
        if not self.painted:
            raise ValueError("the page has painted nothing yet: show the figure as the last value of a cell first")
        config = read_page_model(MODEL)[0]["config"]
        return np.array(self.painted, np.float32).reshape(config["in_chans"], *pair(config["img_size"]))
