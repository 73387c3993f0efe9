"""The attention explorer: a trained ViT that runs where the reader looks at it.

In a notebook :func:`explorer` returns a widget that works both ways: ``w.layer = 2`` moves the slider, a click on a patch sets ``w.query``.
While the book is built it returns the same figure as an element of the page, which needs no kernel. Without JavaScript that element is a
picture with a caption.
"""

from __future__ import annotations

import base64
import html
import json
import os
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import traitlets as t
from PIL import Image

from vit_tutorial.widgets.explorer_state import ExplorerState, Step, check_names, check_steps, start_state
from vit_tutorial.widgets.page_model import data_address, gallery, read_page_model

FOLDER = Path(__file__).parent / "explorer"


class Asset(ipywidgets.Widget):
    """A model and its pictures, sent to the notebook's page once and shared by all figures that show it."""

    manifest = t.Dict().tag(sync=True)
    data = t.Bytes().tag(sync=True)
    gallery: t.List[Any] = t.List().tag(sync=True)


_assets: dict[str, Asset] = {}


def shared_asset(model: str) -> Asset:
    """The one of this model; made anew where ``Widget.close_all()`` has closed it, which leaves it without a comm."""
    if model not in _assets or _assets[model].comm is None:
        manifest, data = read_page_model(model)
        _assets[model] = Asset(manifest=manifest, data=data, gallery=gallery(model))
    return _assets[model]


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

    _esm = FOLDER / "dist" / "widget.js"
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


class PageFigure:
    """What a call returns while the book is built: the figure as an element of the page, and as a picture for print."""

    def __init__(self, element: str, picture: bytes, description: str) -> None:
        self.element, self.picture, self.description = element, picture, description

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        png = base64.b64encode(self.picture).decode()
        return {"text/html": self.element, "image/png": png, "text/plain": self.description}


def explorer(
    model: str = "digits28", *, steps: list[Step] | None = None, caption: str = "", name: str = "", **state: Any
) -> AttentionExplorer | PageFigure:
    """The attention explorer, showing ``state``.

    Args:
        model: name of a page model: ``digits28`` or ``photos32``.
        steps: guided steps that drive the figure, each ``{"text": ..., "state": {...}}`` or a question that is answered before the
            figure shows the result: ``{"question": ..., "choices": [...], "answer": index, "reveal": ..., "state": {...}}``. Text may
            contain `code` and *emphasis*; ``state`` has the page's names (``headsOff``, the others as here).
        caption, name: for the built page: the text below the figure, and its name in links to a state.
        state: traits of :class:`AttentionExplorer`: ``layer=2, head="mean", query=24, view="prediction", ...``

    Raises:
        FileNotFoundError: there is no such model.
        traitlets.TraitError, ValueError: a value that the model cannot show; an unknown name.
    """
    check_steps(steps or [])
    if not os.environ.get("VIT_BOOK_BUILD"):
        check_names(state)
        return AttentionExplorer(model, steps=steps or [], **state)
    from vit_tutorial.widgets.explorer_picture import describe, draw

    start = start_state(model, steps or [], state)
    picture = draw(start)
    return PageFigure(page_element(start, picture.svg, caption, name), picture.png, describe(start))


def page_element(start: ExplorerState, svg: str, caption: str, name: str = "") -> str:
    """The figure as HTML: a picture and a caption; the page's loader makes it live. ``caption`` is HTML where it starts with ``<``."""
    data = {"model": start.model, "state": start.state(), "steps": list(start.steps)}
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    needs = f"vit-engine.js vit-explorer.js model-{start.model}.js gallery-{start.model}.js"
    label = f' id="{html.escape(name, quote=True)}"' if name else ""
    words = caption if caption.startswith("<") else html.escape(caption)
    below = f"<figcaption>{words}</figcaption>" if words else ""
    return (
        f'<figure class="vt-figure"{label} data-vt-figure="explorer" data-vt-needs="{needs}">'
        f'<div class="vt-still">{svg}</div><script type="application/json">{text}</script>{below}</figure>'
    )
