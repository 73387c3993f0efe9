"""The explorer of a built page: an element that needs no kernel, and a picture with a caption where there is no JavaScript."""

from __future__ import annotations

import base64
import html
import json
from typing import Any

from vit_tutorial.widgets.attention_explorer.state import ExplorerState


class PageFigure:
    """What a call returns while the book is built: the figure as an element of the page, and as a picture for print."""

    def __init__(self, element: str, picture: bytes, description: str) -> None:
        self.element, self.picture, self.description = element, picture, description

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        png = base64.b64encode(self.picture).decode()
        return {"text/html": self.element, "image/png": png, "text/plain": self.description}


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
