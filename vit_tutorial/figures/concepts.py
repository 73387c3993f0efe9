"""The pictures of section 1.2: a soft look-up in a photograph, digits with their patches shuffled, where the parameters of a ViT are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vit_tutorial.figures.attention import check_query, outline, to_map
from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import ATTENTION, CATEGORIES, INK, LINE, MUTED, PAGE_WIDTH, figure, style


@style()
def soft_lookup(image: Any, weights: Any, mixtures: Any, query: int, grid_size: tuple[int, int]) -> Figure:
    """One query's soft look-up, and what becomes of the picture when every patch is replaced by its own.

    Args:
        image: one image, as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        weights: [N] weights of the query over the N patches; not negative.
        mixtures: the image of the same shape in which each patch is the weighted mean that it looked up.
        query: number of the patch that asks, in reading order from 0.
        grid_size: (rows, columns) of the grid of patches.

    Raises:
        ValueError: not N weights, a negative one, or no such query.
    """
    picture, mixed, map_ = to_picture(image), to_picture(mixtures), to_map(weights, grid_size)
    check_query(query, grid_size)
    fig = figure(height=0.34 * PAGE_WIDTH + 0.35)
    panels = fig.subplots(1, 3)
    show(panels[0], picture)
    panels[0].set_title(f"Patch {query} asks")
    show(panels[1], picture)
    H, W = picture.shape[:2]
    panels[1].imshow(map_, cmap=ATTENTION, vmin=0, extent=(-0.5, W - 0.5, H - 0.5, -0.5))
    panels[1].set_title(f"Weights, largest {map_.max():.2f}")
    show(panels[2], mixed)
    panels[2].set_title("All patches' answers")
    for axes in panels:
        outline(axes, query, grid_size, picture)
    return fig


@style()
def shuffled_digit(image: Any, shuffled: Any, probabilities: Mapping[str, Any], label: int) -> Figure:
    """A digit as it is, the same digit with patches moved, and what several models answer to the second.

    Args:
        image, shuffled: images as :func:`~vit_tutorial.figures.images.to_picture` takes them.
        probabilities: for each model's name its [K] probabilities for the shuffled image.
        label: the right class; its bars are drawn strong.
    """
    rows = {name: as_array(values).astype(float) for name, values in probabilities.items()}
    fig = figure(height=3.1)
    left, right = fig.subfigures(1, 2, width_ratios=[0.34, 0.66])
    pictures = left.subplots(2, 1)
    for axes, picture, title in zip(pictures, (image, shuffled), ("The digit", "What the models get")):
        show(axes, to_picture(picture))
        axes.set_title(title)
    bars = right.subplots(len(rows), 1, sharex=True)
    for n, (axes, (name, values)) in enumerate(zip(np.atleast_1d(bars), rows.items())):
        K = len(values)
        colours = [CATEGORIES[n] if k == label else LINE for k in range(K)]
        axes.bar(range(K), values, color=colours, edgecolor=CATEGORIES[n], linewidth=1)
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 0.5, 1])
        axes.set_xticks(range(K))
        axes.set_title(f"{name}: says {int(values.argmax())}, {'right' if values.argmax() == label else 'wrong'}")
    return fig


@style()
def parameter_bars(models: Mapping[str, Mapping[str, int]]) -> Figure:
    """Where the parameters of some models are: a bar a model, cut into its parts, each bar as long as the others.

    Args:
        models: for each model's name the parameters of its parts, the same parts in every model.
    """
    fig = figure(height=0.55 * len(models) + 0.9)
    axes = fig.subplots()
    start = np.zeros(len(models))
    for n, part in enumerate(next(iter(models.values()))):
        share = np.array([parts[part] / sum(parts.values()) for parts in models.values()])
        bars = axes.barh(range(len(models)), share, left=start, height=0.62, color=CATEGORIES[n], label=part)
        for bar, value in zip(bars, share):
            if value > 0.12:
                axes.text(
                    bar.get_x() + value / 2,
                    bar.get_y() + 0.31,
                    f"{value:.0%}",
                    ha="center",
                    va="center",
                    color="white" if n in (0, 2, 3) else INK,
                    fontweight="bold",
                )
        start += share
    axes.set_yticks(range(len(models)), [f"{name}\n{sum(p.values()) / 1e6:.1f} M" for name, p in models.items()])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(length=0)
    fig.legend(loc="outside upper left", ncols=3, handlelength=1.0, columnspacing=1.2)
    return fig


@style()
def size_and_cost(
    image: Any, patch_size: int, side: int, tokens: int, parameters: int, flops: Mapping[str, float]
) -> Figure:
    """A ViT's grid over an image, and its tokens, parameters and operations as bars of fixed scale, to be compared by eye.

    Args:
        image: one square image, as :func:`~vit_tutorial.figures.images.to_picture` takes it, of any resolution.
        patch_size, side: of a patch and of the model's image, in pixels.
        tokens: length of the sequence. parameters: of the model.
        flops: operations for one image, by part; at most three parts.
    """
    picture = to_picture(image)
    fig = figure(height=2.4)
    left, right = fig.subplots(1, 2, width_ratios=[0.34, 0.66])
    show(left, picture)
    grid = side // patch_size
    for n in range(1, grid):
        at = n * picture.shape[0] / grid - 0.5
        left.axhline(at, color="white", linewidth=0.5)
        left.axvline(at, color="white", linewidth=0.5)
    left.set_title(f"{grid} × {grid} patches")
    _log_bar(right, 2, [tokens], 1e1, 1e4, f"{tokens:,} tokens", [MUTED])
    _log_bar(right, 1, [parameters], 1e6, 1e9, f"{parameters / 1e6:,.1f} M parameters", [CATEGORIES[0]])
    total = sum(flops.values())
    shares = ", ".join(f"{name} {value / total:.0%}" for name, value in flops.items())
    _log_bar(right, 0, [total], 1e8, 1e13, f"{total / 1e9:,.1f} G operations an image", [CATEGORIES[1]])
    right.text(0, -0.62, f"of these: {shares}", va="center", fontsize=9, color=INK)
    right.set_xlim(0, 1)
    right.set_ylim(-0.9, 2.75)
    right.axis("off")
    return fig


def _log_bar(
    axes: Axes, row: int, values: Sequence[float], low: float, high: float, text: str, colours: Sequence[str]
) -> None:
    """A bar on a logarithmic scale from low to high, its text above it."""
    axes.add_patch(Rectangle((0, row - 0.16), 1, 0.32, facecolor=LINE, edgecolor="none"))
    for value, colour in zip(values, colours):
        length = np.log(value / low) / np.log(high / low)
        axes.add_patch(Rectangle((0, row - 0.16), float(np.clip(length, 0, 1)), 0.32, facecolor=colour))
    axes.text(0, row + 0.24, text, va="bottom", fontweight="bold")
