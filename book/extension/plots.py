"""A plot that a cell has drawn stands on the page twice, for light and for dark pages; the style sheet shows one of the two.

The dark twin comes with the output of the cell (vit_tutorial.figures.style). Formats other than HTML take the light one.
"""

from __future__ import annotations

import re
from dataclasses import replace

from docutils import nodes
from myst_nb import sphinx_ as myst_nb_sphinx
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx import addnodes
from sphinx.application import Sphinx

IMAGE = re.compile(r'(<img [^>]*class="vt-(?:light|dark)"[^>]*style=")width: (\d+px)')


class TwinRenderer(NbElementRenderer):
    def render_image(self, data: MimeData) -> list[nodes.Element]:
        plot = super().render_image(data)
        twin = data.output_metadata.get(data.mime_type, {}).get("dark")
        if twin is None:
            return plot
        dark = super().render_image(replace(data, content=twin))
        plot[0]["classes"].append("vt-light")
        dark[0]["classes"].append("vt-dark")
        return [nodes.container("", *plot, addnodes.only("", *dark, expr="html"), classes=["vt-plot"])]


def name_width(body: str) -> str:
    """Tells the style sheet how wide a plot is meant to be, in the form in which a live figure does."""
    return IMAGE.sub(r"\1--width: \2; width: \2", body)


def setup(app: Sphinx) -> None:
    # myst_nb looks for a renderer among the entry points of installed packages, and the book is none.
    myst_nb_sphinx.load_renderer = lambda name: TwinRenderer
