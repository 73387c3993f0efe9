"""Pictures for the derivation of the fully connected layers: activations, kinks, hidden units, shares of the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, figure, style

NARROW = 5.6  # inches: one panel needs no more, and its text stays legible on a phone
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))  # told apart in grey


@style()
def line_panels(
    x: Any,
    panels: Mapping[str, Mapping[str, Any]],
    xlabel: str = "x",
    ylims: Sequence[tuple[float, float] | None] | None = None,
    marks: Mapping[str, float] | None = None,
    height: float = 2.9,
) -> Figure:
    """Named curves over one x, in one panel or several side by side.

    Args:
        x: [S] positions.
        panels: ``{"title of the panel": {"name of the curve": [S]}}``.
        ylims: the range of each panel's y axis; None for what fits.
        marks: horizontal lines to compare with, ``{"log K": 2.3}``, in every panel.
    """
    positions = as_array(x).astype(float)
    fig = figure(height=height, **({"width": NARROW} if len(panels) == 1 else {}))
    for number, (axes, (title, curves)) in enumerate(
        zip(fig.subplots(1, len(panels), squeeze=False)[0], panels.items())
    ):
        axes.axhline(0, color=LINE, linewidth=1, zorder=0)
        for i, (name, values) in enumerate(curves.items()):
            y = as_array(values).astype(float)
            axes.plot(positions, y, color=CATEGORIES[i], linestyle=DASHES[i % len(DASHES)], label=name)
        for name, value in (marks or {}).items():
            axes.axhline(value, color=MUTED, linewidth=1.2, linestyle=(0, (1, 2)), label=name)
        axes.set_title(title)
        axes.set_xlabel(xlabel)
        axes.margins(x=0.01)
        if ylims is not None and (limits := ylims[number]) is not None:
            axes.set_ylim(*limits)
        # With a mark the curves are below it and end low: the legend stands between.
        where = {"loc": "center right", "bbox_to_anchor": (1.0, 0.68)} if marks else {"loc": "best"}
        axes.legend(**where, fontsize=10, handlelength=2.2)
    return fig


@style()
def two_planes(points: Any, hidden: Any, target: Any, names: Sequence[str], hidden_names: Sequence[str]) -> Figure:
    """Points with two classes in their own plane, and where a hidden layer puts them.

    Args:
        points, hidden: [n, 2] coordinates before and after. target: [n] values, told apart by their sign.
        names, hidden_names: of the two coordinates, before and after.
    """
    before, after, signs = as_array(points), as_array(hidden), as_array(target) > 0
    fig = figure(height=3.1)
    for axes, where, labels, title in zip(
        fig.subplots(1, 2), (before, after), (names, hidden_names), ("The token", "After the hidden layer")
    ):
        for positive, marker, colour in ((True, "o", CATEGORIES[0]), (False, "s", CATEGORIES[3])):
            chosen = where[signs == positive]
            axes.scatter(*chosen.T, marker=marker, s=130, color=colour, label="+1" if positive else "−1", zorder=3)
        axes.set(xlabel=labels[0], ylabel=labels[1], title=title)
        axes.margins(0.25)
        axes.grid(color=LINE, linewidth=0.8)
        axes.legend(title="target", loc="center")
    return fig


@style()
def kinks(x: Any, target: Any, fit: Any, units: Any, title: str) -> Figure:
    """A curve, its fit by a hidden layer, and the weighted hidden units whose sum the fit is.

    Args:
        x, target, fit: [S]. units: [S, n], each hidden unit times its output weight. title: above the fit.
    """
    positions, parts = as_array(x), as_array(units)
    fig = figure(height=4.4, width=NARROW)
    above, below = fig.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    above.plot(positions, as_array(target), color=MUTED, linewidth=4, alpha=0.45, label="target")
    above.plot(positions, as_array(fit), color=CATEGORIES[3], label="fit")
    above.set_ylim(-3, 3)
    above.set_title(title)
    above.legend(loc="upper left", ncols=2)
    for i in range(parts.shape[1]):
        below.plot(positions, parts[:, i], color=CATEGORIES[i % 7], linewidth=1.1)
    below.set_title("Each unit times its output weight")
    below.set_xlabel("x")
    below.margins(x=0.01)
    return fig


@style()
def unit_patches(images: Any, tokens: Any, values: Any, patch_size: int, columns: int = 6) -> Figure:
    """Images with the one patch outlined that excited a hidden unit, and by how much.

    Args:
        images: [n, H, W] grey levels. tokens: [n] numbers of the patches, row by row from 0. values: [n] activations.
        patch_size: side of a patch in pixels. columns: images in a row.
    """
    pictures, where, strength = as_array(images), as_array(tokens), as_array(values)
    n, side, width = len(pictures), pictures.shape[1], pictures.shape[2]
    rows = -(-n // columns)
    gap, text = 3, 7  # pixels between pictures, and for the number below each
    canvas = np.full((rows * (side + text + gap), columns * (width + gap)), np.nan)
    fig = figure(height=1.15 * rows + 0.1, width=NARROW)
    axes = fig.subplots()
    for i in range(n):
        top, left = (i // columns) * (side + text + gap), (i % columns) * (width + gap)
        canvas[top : top + side, left : left + width] = pictures[i]
        row, column = divmod(int(where[i]), width // patch_size)
        corner = (left + column * patch_size - 0.5, top + row * patch_size - 0.5)
        axes.add_patch(Rectangle(corner, patch_size, patch_size, fill=False, edgecolor=CATEGORIES[1], linewidth=2))
        axes.text(left + width / 2, top + side + 3.5, f"{strength[i]:.1f}", ha="center", va="center", color=INK)
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=float(np.nanmax(pictures)))
    axes.axis("off")
    return fig


@style()
def shares(
    x: Any, parts: Mapping[str, Any], xlabel: str, mark: tuple[float, str] | None = None, title: str = ""
) -> Figure:
    """Parts of a whole, stacked to 1, over a quantity on a logarithmic axis.

    Args:
        x: [S] positive. parts: ``{"name": [S]}`` amounts of any unit. mark: a place on the x axis and its name.
    """
    positions = as_array(x).astype(float)
    amounts = np.stack([as_array(values).astype(float) for values in parts.values()])
    amounts = amounts / amounts.sum(0)
    fig = figure(height=3.2, width=NARROW)
    axes = fig.subplots()
    # Dark, middle and light: three parts are told apart in grey, with the name written in each.
    axes.stackplot(positions, amounts, colors=("#0b5394", "#6fa8dc", "#f6d08a", "#d9dde3"), edgecolor="white")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.set(xlim=(positions[0], positions[-1]), ylim=(0, 1), xlabel=xlabel, ylabel="share", title=title)
    bottoms = np.cumsum(amounts, 0) - amounts
    for i, name in enumerate(parts):
        at = int(np.argmax(amounts[i][2:-2])) + 2
        if amounts[i, at] > 0.08:
            axes.text(
                positions[at],
                bottoms[i, at] + amounts[i, at] / 2,
                name,
                ha="left" if at < len(positions) // 2 else "right",
                va="center",
                color="white" if i == 0 else INK,
            )
    if mark is not None:
        axes.axvline(mark[0], color=INK, linewidth=1.4, linestyle=(0, (4, 2)))
        axes.text(mark[0], 1.01, mark[1], ha="right", va="bottom", color=INK)
    return fig
