"""Pictures of pre-training and fine-tuning: published runs, reconstructions of hidden patches, one way of fine-tuning beside another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, PercentFormatter

from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, TINT, figure, style

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@style()
def published_runs(runs: Mapping[str, tuple[str, float, float]]) -> Figure:
    """Images shown during pre-training against the size of the model, both axes logarithmic.

    Args:
        runs: the name of each model: (way of pre-training, parameters, images shown). Each way has a colour and a marker.
    """
    ways = list(dict.fromkeys(way for way, _, _ in runs.values()))
    fig = figure(height=3.4)
    axes = fig.subplots()
    for number, way in enumerate(ways):
        points = [(p, n) for w, p, n in runs.values() if w == way]
        x, y = zip(*points)
        axes.plot(x, y, linestyle="", marker=MARKERS[number % 8], markersize=9, color=CATEGORIES[number % 8], label=way)
    for name, (_, parameters, images) in runs.items():
        axes.annotate(name, (parameters, images), xytext=(9, 0), textcoords="offset points", va="center", fontsize=10)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.margins(0.12)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * 2.2)  # room for the names
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axes.grid(True, color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("parameters")
    axes.set_title("Images shown during pre-training")
    axes.legend(loc="upper left", fontsize=9)
    return fig


@style()
def reconstructions(images: Any, mask: Any, painted: Any, patch_size: int) -> Figure:
    """Images, what an encoder sees of them, and what a decoder made of that: three rows.

    Args:
        images, painted: [B, C, H, W] as :func:`~vit_tutorial.figures.images.to_picture` takes them; ``painted`` is clipped to 0..1.
        mask: bool [B, N], True where a patch is hidden, in reading order.
        patch_size: P in pixels.

    Raises:
        ValueError: the numbers of images or patches do not agree.
    """
    originals = [to_picture(image) for image in images]
    results = [to_picture(np.clip(as_array(image), 0, 1)) for image in painted]
    hidden = as_array(mask).astype(bool)
    H, W = originals[0].shape[:2]
    rows, columns = H // patch_size, W // patch_size
    if len(results) != len(originals) or hidden.shape != (len(originals), rows * columns):
        raise ValueError(
            f"{len(originals)} images of {rows * columns} patches need as many painted ones and a mask "
            f"[{len(originals)}, {rows * columns}]; got {len(results)} and {list(hidden.shape)}"
        )
    count = len(originals)
    fig = figure(height=6.9 * 3 / max(count, 6) * 0.86 + 0.2)
    grid = fig.subplots(3, max(count, 6), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for n in range(count):
        for axes, picture in zip(grid[:, n], (originals[n], originals[n], results[n])):
            show(axes, picture)
        for patch in np.flatnonzero(hidden[n]):
            r, c = divmod(int(patch), columns)
            corner = (c * patch_size - 0.5, r * patch_size - 0.5)
            grid[1, n].add_patch(Rectangle(corner, patch_size, patch_size, facecolor=TINT, edgecolor=MUTED, lw=0.4))
    for row, name in enumerate(("image", "what is shown", "what is painted")):
        grid[row, 0].set_title(name, fontsize=10)
    return fig


@style()
def compare_methods(
    scores: Mapping[str, Sequence[float]], notes: Mapping[str, str] | None = None, title: str = "Accuracy"
) -> Figure:
    """One row a method: a dot for each seed, a bar at their mean, and a note at the right.

    Args:
        scores: fractions 0..1 of each method, one a seed.
        notes: a few words for each method, such as its number of trained parameters.
    """
    fig = figure(height=0.75 + 0.42 * len(scores))
    axes = fig.subplots()
    for row, values in enumerate(scores.values()):
        axes.axhline(row, color=LINE, linewidth=0.8, zorder=0)
        axes.plot(values, [row] * len(values), "o", color=CATEGORIES[0], alpha=0.75, markersize=7)
        axes.plot([float(np.mean(values))] * 2, [row - 0.28, row + 0.28], color=INK, linewidth=2.4)
    axes.set_yticks(range(len(scores)), list(scores), fontsize=10)
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=" %"))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)
    for row, name in enumerate(scores):
        text = (notes or {}).get(name, "")
        axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=MUTED)
    return fig


def short(value: float) -> str:
    """``86e6 -> 86 M``, ``1.2e9 -> 1.2 B``."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"
