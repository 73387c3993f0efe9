"""The explorer as a still: image, attention and prediction, for print and for readers without JavaScript."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vit_tutorial.interpret import record_attention
from vit_tutorial.widgets.attention_explorer.state import ExplorerState
from vit_tutorial.widgets.models.page_model import (
    gallery,
    gallery_picture,
    load_page_model,
    open_picture,
    read_page_model,
)

INK, MUTED, LINE, ACCENT = (
    "#1d2129",
    "#5a6270",
    "#d9dde3",
    "#00629b",
)  # the page's colours; in SVG they become its variables
VARIABLES = {INK: "--vt-ink", MUTED: "--vt-muted", LINE: "--vt-line", ACCENT: "--vt-accent"}


@dataclass(frozen=True)
class Still:
    svg: str
    png: bytes


def shown_image(start: ExplorerState) -> str:
    """The name of the picture that the figure starts with."""
    entries = gallery(start.model)
    if not entries:
        raise FileNotFoundError(f"no gallery for {start.model}; python -m vit_tutorial.widgets.models.gallery makes it")
    return start.image if start.image not in (None, "drawn", "photo") else entries[0]["name"]


def readings(start: ExplorerState) -> tuple[np.ndarray, np.ndarray]:
    """(attention of the query over the patches [rows, columns], probabilities [K]) of the state's layer, head and query."""
    model = load_page_model(start.model)
    with torch.no_grad(), record_attention(model) as maps:
        probabilities = model(open_picture(start.model, shown_image(start)))[0].softmax(-1)
    weights = maps[start.layer][0]
    row = (weights.mean(0) if start.head == "mean" else weights[start.head])[
        0 if start.query == "class" else model.num_prefix_tokens + start.query
    ]
    return row[model.num_prefix_tokens :].reshape(model.grid_size).numpy(), probabilities.numpy()


def describe(start: ExplorerState) -> str:
    """The alternative text."""
    attention, probabilities = readings(start)
    classes = read_page_model(start.model)[0]["classes"]
    best, at = int(probabilities.argmax()), np.unravel_index(attention.argmax(), attention.shape)
    head = "the mean of the heads" if start.head == "mean" else f"head {start.head}"
    query = "class token" if start.query == "class" else f"patch {start.query}"
    return (
        f"Three panels. Left: a picture ({shown_image(start)}) cut into {attention.shape[0]} by {attention.shape[1]} patches. Middle: "
        f"attention of the {query} in layer {start.layer}, {head}, strongest on the patch in row {at[0]}, column {at[1]}. "
        f"Right: the prediction, {classes[best]} with {100 * probabilities[best]:.1f} per cent."
    )


def draw(start: ExplorerState) -> Still:
    attention, probabilities = readings(start)
    classes = read_page_model(start.model)[0]["classes"]
    rows, columns = attention.shape
    entry = next(e for e in gallery(start.model) if e["name"] == shown_image(start))
    picture = gallery_picture(start.model, entry.get("large", entry["image"])).convert("RGB")
    picture.thumbnail((128, 128))
    pixels = np.asarray(picture)
    style: dict[str, Any] = {"font.size": 9, "font.family": "sans-serif", "svg.fonttype": "none", "text.color": INK, "axes.edgecolor": LINE, "svg.hashsalt": "vit"}  # fmt: skip
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(7.4, 2.75))
        side, labels = 0.29, 0.035 if max(map(len, classes)) < 3 else 0.1  # fractions of the width
        place = (0.05, side * 7.4 / 2.75)  # bottom and height
        left, middle = (figure.add_axes((x, place[0], side, place[1])) for x in (0.01, 0.33))
        right = figure.add_axes((0.64 + labels, place[0], 0.285 - labels, place[1]))
        left.imshow(pixels, extent=(0, columns, rows, 0), interpolation="nearest")
        middle.imshow(attention, extent=(0, columns, rows, 0), interpolation="nearest", cmap="viridis", vmin=0)
        for axes, title in (
            (left, "Image"),
            (
                middle,
                f"Attention, layer {start.layer}, {'mean of heads' if start.head == 'mean' else f'head {start.head}'}",
            ),
            (right, "Prediction"),
        ):
            axes.set_title(title, fontsize=9.5, loc="left", color=INK)
            axes.set_xticks([])
            axes.set_yticks([])
        for axes in (left, middle):
            axes.vlines(range(1, columns), 0, rows, colors="#808080", linewidths=0.4)
            axes.hlines(range(1, rows), 0, columns, colors="#808080", linewidths=0.4)
            axes.set_frame_on(False)
            if start.query != "class":
                corner = (start.query % columns, start.query // columns)
                for colour, width in (("black", 3.5), ("white", 2)):
                    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=colour, linewidth=width))
        right.set_frame_on(False)
        best = int(probabilities.argmax())
        places = list(range(len(probabilities)))
        right.barh(places, probabilities, color=[ACCENT if k == best else LINE for k in places], height=0.7)
        right.invert_yaxis()
        right.set_xlim(-0.02, 1.02)
        for k in places:
            right.text(-0.04, k, classes[k], ha="right", va="center", color=INK if k == best else MUTED, fontsize=8)
            right.text(1.04, k, f"{100 * probabilities[k]:.1f} %", ha="left", va="center", color=INK if k == best else MUTED, fontsize=8)  # fmt: skip
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=200, metadata={"Software": None})
    return Still(_for_page(svg.getvalue(), describe(start)), png.getvalue())


def _for_page(svg: str, description: str) -> str:
    """Only the element, with alternative text, the width of its place and the page's colours."""
    svg = svg[svg.index("<svg") :]
    head, rest = svg.split(">", 1)
    view = head[head.index("viewBox=") :].split('"')[1]
    for colour, variable in VARIABLES.items():
        rest = rest.replace(colour, f"var({variable}, {colour})")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{view}" role="img" aria-label="{escape(description, quote=True)}" style="width: 100%; height: auto; font-family: var(--vt-sans, sans-serif)"'
    return f"{head}>{rest}".strip()
