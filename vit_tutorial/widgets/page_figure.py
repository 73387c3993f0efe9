"""A figure of a built page that runs a model: an element that needs no kernel, with a picture and a caption where there is no JavaScript."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from typing import Any


class PageFigure:
    """What a call returns while the book is built: the figure as an element of the page, and as a picture for print."""

    def __init__(self, element: str, picture: bytes, description: str) -> None:
        self.element, self.picture, self.description = element, picture, description

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        png = base64.b64encode(self.picture).decode()
        return {"text/html": self.element, "image/png": png, "text/plain": self.description}


def figure_element(kind: str, needs: Sequence[str], data: Any, still: str, caption: str, name: str = "") -> str:
    """The figure as HTML: a picture and a caption; the page's loader makes it live.

    Args:
        kind: under which its script registers itself. needs: the files to load, in order.
        data: JSON values for the script. still: HTML of the picture.
        caption: text, or HTML where it starts with ``<``. name: of the figure in links.
    """
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    label = f' id="{html.escape(name, quote=True)}"' if name else ""
    words = caption if caption.startswith("<") else html.escape(caption)
    below = f"<figcaption>{words}</figcaption>" if words else ""
    return (
        f'<figure class="vt-figure"{label} data-vt-figure="{kind}" data-vt-needs="{" ".join(needs)}">'
        f'<div class="vt-still">{still}</div><script type="application/json">{text}</script>{below}</figure>'
    )
