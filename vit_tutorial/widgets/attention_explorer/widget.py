"""The explorer of a notebook, which works both ways: ``w.layer = 2`` moves the slider, a click on a patch sets ``w.query``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import traitlets as t
from PIL import Image

from vit_tutorial.widgets.attention_explorer.state import ExplorerState
from vit_tutorial.widgets.models.asset import Asset, shared_asset
from vit_tutorial.widgets.models.page_model import data_address


class AttentionExplorer(anywidget.AnyWidget, ExplorerState):
    """One picture, where a ViT looks in it, and what it says. All traits may be set from Python at any time.

    Traits:
        model: name of a page model (fixed). image: a picture of its gallery, or ``drawn`` or ``photo`` after the reader has made one.
        view: ``attention``, ``steps``, ``positions`` or ``prediction``. show: attention of the ``query``, ``received``, or ``rollout``.
        layer, head: from 0; head may be ``"mean"``. query: a patch, from 0 and row by row, or ``"class"``.
        step (0 to 3) and key (a patch, ``"class"`` or ``"auto"``): of the view ``steps``.
        temperature, scale: scores = q k / (d ** scale * temperature). hide: patches. move: position i shows patch move[i], or None.
        positions: False switches the position embedding off. heads_off: as ``["layer.head", ...]``.
        steps: guided steps, see :func:`explorer`. guide: the one that is shown.
        picture: PNG as a data address of what the reader drew or brought along; :meth:`show_picture` shows another.
        probabilities: of the classes, computed by the page. Empty until the figure is on the screen.

    Raises:
        traitlets.TraitError: a value that the model cannot show; the message says what it can.
    """

    _esm = Path(__file__).parent / "dist" / "widget.js"
    asset = t.Instance(Asset).tag(sync=True, **ipywidgets.widget_serialization)
    probabilities = t.List(t.Float()).tag(sync=True)

    def __init__(self, model: str = "digits28", **traits: Any) -> None:
        super().__init__(model=model, asset=shared_asset(model), **traits)

    def show_picture(self, picture: Image.Image) -> None:
        """Show any picture: cut to a square around its centre and brought to the model's size. A digit is light on black."""
        config = self._config()
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        size = config["img_size"]
        height, width = (size, size) if isinstance(size, int) else size
        square = picture.convert("RGB" if config["in_chans"] == 3 else "L").crop((left, top, left + side, top + side))
        self.picture = data_address(square.resize((width, height), Image.Resampling.BOX), "PNG")
