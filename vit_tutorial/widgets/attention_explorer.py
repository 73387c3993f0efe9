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
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import traitlets as t
from PIL import Image

from vit_tutorial.widgets.page_model import data_address, gallery, read_page_model

FOLDER = Path(__file__).parent / "explorer"
VIEWS = ("attention", "steps", "positions", "prediction")
SHOWS = ("query", "received", "rollout")
STATE = {  # field of the page's state (explorer/state.js): trait
    **{name: name for name in ("view", "image", "layer", "head", "query", "show", "step", "key", "temperature", "scale")},
    **{name: name for name in ("hide", "move", "positions", "guide")},
    "headsOff": "heads_off",
}  # fmt: skip
Step = dict[str, Any]


class Asset(ipywidgets.Widget):
    """A model and its pictures, sent to the notebook's page once and shared by all figures that show it."""

    manifest = t.Dict().tag(sync=True)
    data = t.Bytes().tag(sync=True)
    gallery: t.List[Any] = t.List().tag(sync=True)


@cache
def shared_asset(model: str) -> Asset:
    manifest, data = read_page_model(model)
    return Asset(manifest=manifest, data=data, gallery=gallery(model))


class ExplorerState(t.HasTraits):
    """What an explorer shows, checked against its model. Traits: see :class:`AttentionExplorer`."""

    model = t.Unicode("digits28").tag(sync=True)
    image = t.Unicode(None, allow_none=True).tag(sync=True)
    view = t.Enum(VIEWS, "attention").tag(sync=True)
    show = t.Enum(SHOWS, "query").tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    head = t.Union([t.Int(), t.Enum(("mean",))], default_value=0).tag(sync=True)
    query = t.Union([t.Int(), t.Enum(("class",))], default_value="class").tag(sync=True)
    step = t.Int(0, min=0, max=3).tag(sync=True)
    key = t.Union([t.Int(), t.Enum(("class", "auto"))], default_value="auto").tag(sync=True)
    temperature = t.Float(1.0, min=0.1, max=10.0).tag(sync=True)
    scale = t.Enum((0, 0.5, 1), 0.5).tag(sync=True)
    hide = t.List(t.Int()).tag(sync=True)
    move = t.List(t.Int(), default_value=None, allow_none=True).tag(sync=True)
    positions = t.Bool(True).tag(sync=True)
    heads_off = t.List(t.Unicode()).tag(sync=True)
    steps = t.List(t.Dict()).tag(sync=True)
    guide = t.Int(0).tag(sync=True)
    picture = t.Unicode("").tag(sync=True)

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = read_page_model(self.model)[0]["config"]
        return config

    def _patches(self) -> int:
        config = self._config()
        size = config["img_size"]
        height, width = (size, size) if isinstance(size, int) else size
        return int(height // config["patch_size"] * (width // config["patch_size"]))

    @t.validate("layer", "head", "query", "key")
    def _within(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        config = self._config()
        count = {"layer": config["depth"], "head": config["num_heads"]}.get(name) or self._patches()
        words = {"layer": "", "head": ' or "mean"', "query": ' or "class"', "key": ', "class" or "auto"'}[name]
        if isinstance(value, int) and not 0 <= value < count:
            raise t.TraitError(f"{name} {value} is not in {self.model}; choose 0 to {count - 1}{words}")
        return value

    @t.validate("image")
    def _known_image(self, proposal: Any) -> Any:
        names = [entry["name"] for entry in gallery(self.model)]
        if proposal["value"] not in (None, "drawn", "photo", *names):
            raise t.TraitError(f"no picture {proposal['value']!r} for {self.model}; choose one of {', '.join(names)}")
        return proposal["value"]

    @t.validate("hide", "move")
    def _known_patches(self, proposal: Any) -> Any:
        name, value, n = proposal["trait"].name, proposal["value"], self._patches()
        if name == "move" and value is not None and sorted(value) != list(range(n)):
            raise t.TraitError(f"move has to name each of the {n} patches once: position i shows patch move[i]")
        if name == "hide" and not all(0 <= patch < n for patch in value):
            raise t.TraitError(f"hide names a patch that is not there; they are 0 to {n - 1}")
        return value

    @t.validate("heads_off")
    def _known_heads(self, proposal: Any) -> Any:
        config = self._config()
        known = {f"{layer}.{head}" for layer in range(config["depth"]) for head in range(config["num_heads"])}
        for name in proposal["value"]:
            if name not in known:
                raise t.TraitError(f"there is no head {name!r}; write layer.head, such as '0.2'")
        return proposal["value"]

    def state(self) -> dict[str, Any]:
        """What the figure shows, in the page's names; only what differs from the defaults."""
        defaults = {trait: self.traits()[trait].default() for trait in STATE.values()}
        return {
            field: getattr(self, trait) for field, trait in STATE.items() if getattr(self, trait) != defaults[trait]
        }


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


def start_state(model: str, steps: list[Step], state: dict[str, Any]) -> ExplorerState:
    """What a page's figure starts with, checked.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: a value that the model cannot show, or an unknown name.
    """
    check_names(state)
    try:
        return ExplorerState(model=model, steps=steps, **state)
    except t.TraitError as error:
        raise ValueError(str(error)) from error


def check_names(state: dict[str, Any]) -> None:
    unknown = [key for key in state if key not in STATE.values()]
    if unknown:
        raise ValueError(f"the explorer has no {unknown[0]!r}; it has {', '.join(STATE.values())}")


def check_steps(steps: list[Step]) -> None:
    """Raises ValueError where a guided step lacks what it needs; the message says which step and what."""
    for i, step in enumerate(steps):
        needed = {"question", "choices", "answer", "reveal"} if "question" in step else {"text"}
        missing, unknown = needed - set(step), set(step) - needed - {"state"}
        if missing or unknown:
            fault = f"lacks {', '.join(sorted(missing))}" if missing else f"has unknown {', '.join(sorted(unknown))}"
            raise ValueError(
                f"step {i} {fault}; a step has text (and state), or question, choices, answer, reveal (and state)"
            )
        if "question" in step and not 0 <= step["answer"] < len(step["choices"]):
            raise ValueError(
                f"step {i}: answer {step['answer']} is none of its {len(step['choices'])} choices, counted from 0"
            )


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
