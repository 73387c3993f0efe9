"""The map of features as a still: one map an encoder, for print and for readers without JavaScript."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from vit_tutorial.dark import dark_twin
from vit_tutorial.widgets.feature_map.state import MapState
from vit_tutorial.widgets.models.page_model import data_address

CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442")  # as in colours.js
NAMES = {"pca": "PCA", "tsne": "t-SNE"}
INK = "#1d2129"
WIDTH = 7.4  # inches


@dataclass(frozen=True)
class Still:
    html: str
    png: bytes


def describe(start: MapState) -> str:
    """The alternative text."""
    encoders = start.data["encoders"]
    count, k = len(encoders[0]["neighbours"]), len(encoders[0]["neighbours"][0])
    words = f"{count} images as points, on a map of each encoder's features ({NAMES[start.map]})."
    if encoders[0]["agreement"] is None:
        return f"{words} Encoders: {', '.join(one['name'] for one in encoders)}."
    shares = ", ".join(f"{one['name']} {100 * one['agreement']:.0f} per cent" for one in encoders)
    return f"{words} Of the {k} nearest neighbours of an image, so many have its class: {shares}."


def draw(start: MapState) -> Still:
    encoders, labels = start.data["encoders"], start.data["labels"]
    columns = min(len(encoders), 4)
    rows = -(-len(encoders) // columns)
    whole = Figure(figsize=(WIDTH, rows * (WIDTH / columns + 0.3)), dpi=200, facecolor="#ffffff")
    grid = whole.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, one in zip(grid.flat, encoders):
        x, y = np.array(one["maps"][start.map]).T
        for kind in [None] if labels is None else range(len(start.data["classes"])):
            of_kind = slice(None) if kind is None else np.array(labels) == kind
            colour = CATEGORIES[(kind or 0) % len(CATEGORIES)]
            filled = (kind or 0) < len(CATEGORIES)  # from the eighth class on colours come again, as rings
            axes.scatter(
                x[of_kind], y[of_kind], s=7, color=colour if filled else "none", edgecolors=colour, linewidths=0.8
            )
        axes.set(xlim=(-30, 1030), ylim=(1030, -30), aspect="equal")
        axes.set_title(one["name"], fontsize=9.5, loc="left", color=INK)
    whole.tight_layout(pad=0.4)
    png = io.BytesIO()
    whole.savefig(png, format="png", metadata={"Software": None})
    said = f'alt="{html.escape(describe(start), quote=True)}" style="--width: {WIDTH * 100:.0f}px"'
    light, dark = (
        data_address(picture.convert("P", palette=Image.Palette.ADAPTIVE), "PNG", optimize=True)
        for picture in (Image.open(png), dark_twin(whole))
    )
    return Still(
        f'<img class="vt-light" src="{light}" {said}><img class="vt-dark" src="{dark}" {said} hidden>', png.getvalue()
    )
