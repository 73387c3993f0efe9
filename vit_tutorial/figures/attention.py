"""Pictures of attention weights over an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import ATTENTION, MUTED, PAGE_WIDTH, figure, style

OPACITY = 0.8  # of the map over the grey image: more would hide the image, less would change the map's colours


@style()
def attention_over_image(
    image: Any, weights: Any, grid_size: tuple[int, int], query: int | None = None, vmax: float | None = None
) -> Figure:
    """Where one query looks: the image, and the weight of each patch over it.

    Args:
        image: one image, as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        weights: [N] or [rows, columns] attention weights of the N patches, without class token and registers.
        grid_size: (rows, columns) of the grid of patches, N = rows * columns.
        query: number of the patch that asks, in reading order from 0; it is outlined. None: another token, e.g. the class token.
        vmax: the weight shown brightest; default the largest of these. Give the same to figures that are to be compared.

    Raises:
        ValueError: not N weights, a negative or not finite one, or no such query.
    """
    picture, map_ = to_picture(image), to_map(weights, grid_size)
    check_query(query, grid_size)
    side = 0.455 * PAGE_WIDTH
    fig = figure(height=min(side * picture.shape[0] / picture.shape[1], 4.2) + 0.3)
    left, right, scale = fig.subplots(1, 3, width_ratios=[1, 1, 0.05])
    show(left, picture)
    left.set_title("Image" if query is None else f"Image, and the patch that asks ({query})")
    overlay = draw_overlay(right, picture, map_, vmax)
    right.set_title("Attention weight of each patch")
    bar = fig.colorbar(overlay, cax=scale)
    scale.spines["outline"].set_visible(False)
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    for axes in (left, right):
        outline(axes, query, grid_size, picture)
    return fig


@style()
def attention_over_images(images: Any, weights: Any, grid_size: tuple[int, int]) -> Figure:
    """Where one query of each image looks: the images in a row, and below each its weights over it.

    Args:
        images: B images as :func:`~vit_tutorial.figures.images.to_picture` takes them, e.g. [B, C, H, W] uint8; more than ten get small.
        weights: [B, N] attention weights of the N patches, without class token and registers.
        grid_size: (rows, columns) of the grid of patches, N = rows * columns.

    Each map has its own scale, from 0 (dark) to its largest weight (bright), which stands below it.

    Raises:
        ValueError: not one row of N weights an image, or a negative or not finite weight.
    """
    pictures, array = [to_picture(image) for image in images], as_array(weights).astype(float)
    if not pictures or len(pictures) != len(array):
        raise ValueError(
            f"{len(pictures)} images need as many rows of weights, and at least one; got {list(array.shape)}"
        )
    columns = max(len(pictures), 4)
    fig = figure(height=2 * PAGE_WIDTH / columns * max(p.shape[0] / p.shape[1] for p in pictures) + 0.22)
    grid = fig.subplots(2, columns, squeeze=False)
    for axes in grid[:, len(pictures) :].flat:
        axes.set_axis_off()
    for n, picture in enumerate(pictures):
        map_ = to_map(array[n], grid_size)
        show(grid[0, n], picture)
        draw_overlay(grid[1, n], picture, map_)
        name_below(grid[1, n], f"max {map_.max():.2g}")
    return fig


@style()
def attention_beside(image: Any, weights: Mapping[str, Any], grid_size: tuple[int, int]) -> Figure:
    """Where the same query of several models looks in one image: the image, then a map a model, in a row.

    Args:
        image: one image, as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        weights: by the name of its model, [N] or [rows, columns] attention weights of the N patches, without class token and registers.
        grid_size: (rows, columns) of the grid of patches, N = rows * columns.

    Each map has its own scale, from 0 (dark) to its largest weight (bright). Below it stands over how many patches it is spread, exp of the
    entropy of the weights, which are divided by their sum: N where all are equal, 1 where one has all.

    Raises:
        ValueError: no model, not N weights, or a negative or not finite one.
    """
    if not weights:
        raise ValueError("no weights to show; give those of one model or more, as {'DINO': weights}")
    picture = to_picture(image)
    columns = max(len(weights) + 1, 3)
    fig = figure(height=PAGE_WIDTH / columns * picture.shape[0] / picture.shape[1] + 0.5)
    grid = fig.subplots(1, columns)
    for axes in grid[len(weights) + 1 :]:
        axes.set_axis_off()
    show(grid[0], picture)
    grid[0].set_title("Image")
    for axes, (name, values) in zip(grid[1:], weights.items()):
        map_ = to_map(values, grid_size)
        draw_overlay(axes, picture, map_)
        axes.set_title(name)
        name_below(axes, f"spread over {spread(map_):.3g} of {map_.size}")
    return fig


@style()
def head_grid(image: Any, maps: Any, grid_size: tuple[int, int], query: int | None = None) -> Figure:
    """The attention maps of every head of every layer over one image: a row a layer, a column a head.

    Args:
        image: one image, as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        maps: [L, h, N] or [L, h, rows, columns]: of each layer and head the weights of one query over the N patches, without class token
            and registers. From recorded maps of [B, h, N, N]: ``torch.stack([m[0, :, query, prefix:] for m in maps])``.
        grid_size: (rows, columns) of the grid of patches.
        query: number of the patch that asks; it is outlined. None: another token.

    Each map has its own scale, from 0 (dark) to its largest weight (bright), which stands below it where there are at most six heads; where there is
    little room, L3 is layer 3 and h3 is head 3.

    Raises:
        ValueError: another shape, a negative or not finite weight, or no such query.
    """
    picture, array = to_picture(image), as_array(maps).astype(float)
    if array.ndim not in (3, 4):
        raise ValueError(f"maps are [L, h, N] or [L, h, rows, columns], got {list(array.shape)}")
    check_query(query, grid_size)
    L, h = array.shape[:2]
    margin, gap, below = 0.3, 0.06, 0.22 if h <= 6 else 0.06  # inches
    width = min((PAGE_WIDTH - margin) / h, 1.6)
    height = (width - gap) * picture.shape[0] / picture.shape[1]
    total = margin + L * (height + below)
    fig = figure(height=total)
    fig.set_layout_engine("none")
    for layer in range(L):
        for head in range(h):
            left, bottom = margin + head * width, total - margin - layer * (height + below) - height
            axes = fig.add_axes((left / PAGE_WIDTH, bottom / total, (width - gap) / PAGE_WIDTH, height / total))
            map_ = to_map(array[layer, head], grid_size)
            draw_overlay(axes, picture, map_)
            outline(axes, query, grid_size, picture)
            name_below(axes, f"max {map_.max():.2g}" if h <= 6 else "")
            if layer == 0:
                name = f"head {head}" if width > 0.75 else f"h{head}"
                axes.set_title(name, loc="center", fontsize=9, fontweight="normal")
            if head == 0:
                if height > 0.6:
                    axes.set_ylabel(f"layer {layer}", fontsize=9)
                else:
                    axes.set_ylabel(f"L{layer}", fontsize=9, rotation=0, ha="right", va="center")
    return fig


def to_map(weights: Any, grid_size: tuple[int, int]) -> NDArray[np.float64]:
    """The weights of the patches as [rows, columns].

    Raises:
        ValueError: their number is not rows * columns, or one is negative or not finite.
    """
    array = as_array(weights).astype(float)
    rows, columns = grid_size
    if array.size != rows * columns or (array.ndim == 2 and array.shape != (rows, columns)):
        extra = array.size - rows * columns
        remedy = (
            f"; leave out the {extra} before the patches: weights[{extra}:]"
            if array.ndim == 1 and 0 < extra <= 16
            else ""
        )
        raise ValueError(
            f"a grid of {rows} x {columns} patches has {rows * columns} weights, got {list(array.shape)}{remedy}"
        )
    if not (np.isfinite(array).all() and array.min() >= 0):
        raise ValueError(f"attention weights are finite and not negative; the smallest is {array.min():.3g}")
    return array.reshape(rows, columns)


def spread(map_: NDArray[np.float64]) -> float:
    """exp(-sum p ln p) with p the weights divided by their sum; 0 where all weights are 0."""
    total = map_.sum()
    p = map_[map_ > 0] / (total or 1)
    return float(np.exp(-(p * np.log(p)).sum())) if total else 0.0


def check_query(query: int | None, grid_size: tuple[int, int]) -> None:
    """Raise ValueError where there is no patch of this number."""
    patches = grid_size[0] * grid_size[1]
    if query is not None and not 0 <= query < patches:
        raise ValueError(
            f"query is {query}, but the patches are numbered from 0 to {patches - 1}; None for the class token"
        )


def draw_overlay(axes: Axes, picture: NDArray[Any], map_: NDArray[Any], vmax: float | None = None) -> Any:
    """The map over the image in grey; the map's pixels are the patches."""
    H, W = picture.shape[:2]
    grey = picture if picture.ndim == 2 else picture @ [0.2126, 0.7152, 0.0722]
    show(axes, 0.1 + 0.8 * grey)
    edges = (-0.5, W - 0.5, H - 0.5, -0.5)
    top = float(map_.max()) if vmax is None else vmax
    return axes.imshow(map_, cmap=ATTENTION, vmin=0, vmax=top or 1, alpha=OPACITY, extent=edges)


def outline(axes: Axes, query: int | None, grid_size: tuple[int, int], picture: NDArray[Any]) -> None:
    """A white frame with a black edge around the patch that asks: seen on any picture."""
    if query is None:
        return
    height, width = picture.shape[0] / grid_size[0], picture.shape[1] / grid_size[1]
    row, column = divmod(query, grid_size[1])
    corner = (column * width - 0.5, row * height - 0.5)
    for colour, line in (("black", 4.0), ("white", 2.0)):
        axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=line))


def name_below(axes: Axes, text: str) -> None:
    """A small line below a picture; the axes keep no other mark."""
    axes.set_axis_on()
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(text, fontsize=9, color=MUTED, labelpad=2)
