"""Pictures of the layers: the two orders of a block, LayerNorm's geometry, gradients by layer, heads, explanations, a decoder's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch

from vit_tutorial.figures.attention import draw_overlay, name_below, to_map
from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import ACCENT, ATTENTION, CATEGORIES, INK, LINE, MUTED, PAGE_WIDTH, TINT, figure, style


@style()
def block_orders() -> Figure:
    """A pre-norm and a post-norm block side by side: where the residual stream runs free, and where it passes through the norms."""
    fig = figure(height=2.0)
    for axes, title, post in zip(fig.subplots(1, 2), ("Pre-norm (ViT)", "Post-norm (2017)"), (False, True)):
        axes.set_title(title)
        axes.set_xlim(0, 10)
        axes.set_ylim(0, 3.3)
        axes.set_axis_off()
        axes.annotate("", (10, 0.8), (0, 0.8), arrowprops={"arrowstyle": "->", "color": ACCENT, "lw": 2.5})
        for start, name in ((0.4, "Attention"), (5.2, "FFN")):
            if post:
                _box(axes, start + 0.3, 2.6, 2.2, name)
                _box(axes, start + 3.2, 0.8, 1.0, "LN")
                _branch(axes, start, 2.6, start + 2.75)
            else:
                _box(axes, start + 0.2, 2.6, 1.0, "LN")
                _box(axes, start + 1.5, 2.6, 2.2, name)
                _branch(axes, start, 2.6, start + 4.1)
    return fig


def _box(axes: Axes, x: float, y: float, width: float, name: str) -> None:
    """A named box, centred on the height y."""
    axes.add_patch(
        FancyBboxPatch(
            (x, y - 0.45),
            width,
            0.9,
            boxstyle="round,pad=0,rounding_size=0.15",
            facecolor=TINT,
            edgecolor=MUTED,
            zorder=3,
        )
    )
    axes.text(x + width / 2, y, name, ha="center", va="center", fontsize=10, zorder=4)


def _branch(axes: Axes, start: float, top: float, end: float) -> None:
    """A line up from the stream, along the boxes, and down to a plus."""
    axes.plot([start, start, end, end], [0.8, top, top, 1.05], color=MUTED, linewidth=1.4, zorder=2)
    axes.add_patch(Circle((end, 0.8), 0.28, facecolor="white", edgecolor=INK, zorder=5))
    axes.text(end, 0.8, "+", ha="center", va="center", fontsize=11, zorder=6)


@style()
def norm_geometry(token: Sequence[float], shift: float, scale: float, eps: float) -> Figure:
    """LayerNorm of a token of three numbers, scale * token + shift: the numbers, and the plane that they are projected on.

    Args:
        token: three numbers. shift, scale: what is done to them before. eps: LayerNorm's.

    Right: the plane of all tokens with mean 0, seen along the direction (1, 1, 1), and in it the circle of radius sqrt(3).
    """
    z = scale * np.asarray(token, dtype=float) + shift
    centred = z - z.mean()
    out = centred / np.sqrt((centred**2).mean() + eps)
    fig = figure(height=2.9)
    bars, plane = fig.subplots(1, 2, width_ratios=[1.15, 1])
    places = np.arange(3)
    bars.bar(places - 0.2, z, 0.36, color=CATEGORIES[4], label="token")
    bars.bar(places + 0.2, out, 0.36, color=ACCENT, label="LayerNorm(token)")
    bars.axhline(0, color=MUTED, linewidth=0.8)
    bars.set_ylim(-4.2, 6.4)
    bars.set_xticks(places, ["first", "second", "third"])
    bars.legend(loc="upper left", fontsize=9, ncols=2, borderaxespad=0, columnspacing=1)
    across = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2.0], [6.0]])  # two directions that span the plane
    before, after = across @ z, across @ out
    plane.add_patch(Circle((0, 0), np.sqrt(3), fill=False, edgecolor=MUTED, linestyle="--"))
    plane.plot(*zip((0, 0), before), color=CATEGORIES[4], linewidth=1.4)
    plane.scatter(*before, color=CATEGORIES[4], s=60, zorder=3)
    plane.scatter(*after, color=ACCENT, s=60, zorder=4)
    plane.set_title("the plane of mean 0", loc="center")
    plane.set_xlim(-4.2, 4.2)
    plane.set_ylim(-3.4, 3.4)
    plane.set_aspect("equal")
    plane.text(0, -2.3, "radius √3", ha="center", fontsize=10, color=MUTED)
    plane.set_xticks([])
    plane.set_yticks([])
    for spine in plane.spines.values():
        spine.set_visible(False)
    return fig


@style()
def by_layer(series: Mapping[str, Any], ylabel: str, xlabel: str = "block", log: bool = True) -> Figure:
    """One number a layer, a line a series, each named at its end.

    Args:
        series: name: L numbers. ylabel, xlabel: of the axes. log: a logarithmic scale of the numbers, for what differs by factors.

    Raises:
        ValueError: a number that a logarithmic scale cannot show.
    """
    fig = figure(height=2.7)
    axes = fig.subplots()
    for n, (name, values) in enumerate(series.items()):
        numbers = as_array(values).astype(float)
        if log and not (numbers > 0).all():
            raise ValueError(
                f"{name} has the value {numbers.min():.3g}, which a logarithmic scale cannot show; log=False"
            )
        axes.plot(
            np.arange(1, len(numbers) + 1), numbers, marker="o", markersize=4, color=CATEGORIES[n % 8], label=name
        )
    if log:
        axes.set_yscale("log")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(fontsize=9)
    return fig


@style()
def loss_by_step(runs: Mapping[str, Sequence[Any]], chance: float | None = None) -> Figure:
    """Training loss over the steps, a colour a kind of run, a line a seed.

    Args:
        runs: name: for each seed the losses of its steps, drawn as a running mean of 5. chance: the loss of guessing, a dashed line.
    """
    fig = figure(height=2.9)
    axes = fig.subplots()
    for n, (name, seeds) in enumerate(runs.items()):
        for i, losses in enumerate(seeds):
            smooth = np.convolve(as_array(losses).astype(float), np.ones(5) / 5, mode="valid")
            axes.plot(
                np.arange(5, 5 + len(smooth)),
                smooth,
                color=CATEGORIES[n],
                linewidth=1.4,
                label=name if i == 0 else None,
            )
    if chance is not None:
        axes.axhline(chance, color=MUTED, linestyle="--", linewidth=1)
    axes.set_xlabel("step")
    axes.set_ylabel("training loss")
    axes.legend(fontsize=9)
    return fig


@style()
def head_dots(panels: Mapping[str, Any], references: Mapping[str, float] | None = None) -> Figure:
    """A number of every head, a panel a measure, a column a layer, a dot a head (after Dosovitskiy et al. 2021, figure 7 right).

    Args:
        panels: name: [L, h]. references: name of a panel: a value to compare with, a dashed line.
    """
    fig = figure(height=2.7)
    for axes, (name, values) in zip(fig.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        array = as_array(values).astype(float)
        for head in range(array.shape[1]):
            axes.plot(
                np.arange(len(array)) + 0.09 * (head - (array.shape[1] - 1) / 2),
                array[:, head],
                "o",
                markersize=6,
                color=CATEGORIES[head % 8],
            )
        if references and name in references:
            axes.axhline(references[name], color=MUTED, linestyle="--", linewidth=1)
            axes.set_ylim(0, 1.1 * max(references[name], array.max()))
        axes.set_title(name)
        axes.set_xticks(range(len(array)))
        axes.set_xlabel("layer")
    return fig


@style()
def offset_maps(maps: Any) -> Figure:
    """Where heads look relative to the patch that asks: mean weight by offset, a panel a head; the asking patch is the middle.

    Args:
        maps: [h, 2 rows - 1, 2 columns - 1], not negative.
    """
    array = as_array(maps).astype(float)
    columns = max(len(array), 4)
    fig = figure(height=PAGE_WIDTH / columns + 0.35)
    grid = fig.subplots(1, columns, squeeze=False)[0]
    for axes in grid[len(array) :]:
        axes.set_axis_off()
    for head, (axes, map_) in enumerate(zip(grid, array)):
        half_r, half_c = map_.shape[0] / 2, map_.shape[1] / 2
        axes.imshow(map_, cmap=ATTENTION, vmin=0, extent=(-half_c, half_c, half_r, -half_r))
        axes.plot(0, 0, "+", color="white", markersize=9, markeredgewidth=1.5)
        name_below(axes, f"max {map_.max():.2g}")
        axes.set_title(f"head {head}", loc="center", fontsize=10, fontweight="normal")
    return fig


@style()
def map_row(image: Any, maps: Mapping[str, Any], grid_size: tuple[int, int]) -> Figure:
    """One image, and several readings of it side by side; negative numbers are shown as none.

    Args:
        image: as :func:`~vit_tutorial.figures.images.to_picture` takes it. maps: name: [N] or [rows, columns], each on its own scale.
        grid_size: (rows, columns) of patches.
    """
    picture = to_picture(image)
    columns = max(1 + len(maps), 4)
    fig = figure(height=PAGE_WIDTH / columns * picture.shape[0] / picture.shape[1] + 0.3)
    grid = fig.subplots(1, columns, squeeze=False)[0]
    for axes in grid[1 + len(maps) :]:
        axes.set_axis_off()
    show(grid[0], picture)
    grid[0].set_title("image", loc="center", fontsize=10, fontweight="normal")
    for axes, (name, values) in zip(grid[1:], maps.items()):
        draw_overlay(axes, picture, to_map(as_array(values).astype(float).clip(0), grid_size))
        axes.set_title(name, loc="center", fontsize=10, fontweight="normal")
    return fig


@style()
def deletion_curves(counts: Sequence[int], curves: Mapping[str, Any]) -> Figure:
    """The probability of the class while patches are hidden, a line a method; the faster it falls, the better the method chose.

    Args:
        counts: how many patches are hidden. curves: name: the mean probability at each count.
    """
    fig = figure(height=2.9)
    axes = fig.subplots()
    for n, (name, values) in enumerate(curves.items()):
        axes.plot(counts, as_array(values), marker="o", markersize=4, color=CATEGORIES[n], label=name)
    axes.set_xlabel("patches hidden, the most important first")
    axes.set_ylabel("probability of the class")
    axes.set_ylim(0, 1)
    axes.legend(fontsize=9)
    return fig


@style()
def letter_figure(
    image: Any, weights: Any, grid_size: tuple[int, int], written: str, letters: str, probs: Any
) -> Figure:
    """One step of a decoder that writes a word about an image: where it looks, and what it would write next.

    Args:
        image: as :func:`~vit_tutorial.figures.images.to_picture` takes it. weights: [N] cross-attention of this step.
        grid_size: (rows, columns) of patches. written: the word so far. letters: the alphabet. probs: [len(letters)].
    """
    picture, p = to_picture(image), as_array(probs).astype(float)
    fig = figure(height=2.3)
    whole, left, right = fig.subplots(1, 3, width_ratios=[1, 1, 2.6])
    show(whole, picture)
    whole.set_title("image", loc="center")
    draw_overlay(left, picture, to_map(weights, grid_size))
    left.set_axis_off()
    left.set_title("where it looks", loc="center")
    best = int(p.argmax())
    right.bar(range(len(p)), p, color=[ACCENT if k == best else LINE for k in range(len(p))])
    right.set_xticks(range(len(p)), list(letters))
    right.set_ylim(0, 1)
    right.set_title(f"written: {written}   next letter:")
    return fig
