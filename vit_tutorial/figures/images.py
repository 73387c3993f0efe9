"""Pictures of images and of their patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor, as_tensor

from vit_tutorial.figures.style import INK, MUTED, PAGE_WIDTH, figure, style
from vit_tutorial.patches import check_divisible

SHOWN_TOKENS = 16  # in one row of a patch_row; more are cut out of its middle


@style()
def image_grid(
    images: Any,
    titles: Sequence[object] | None = None,
    columns: int = 10,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Figure:
    """Images side by side, row by row, each with its title above it.

    Args:
        images: [B, C, H, W], or B images of the forms that :func:`to_picture` takes (sizes may differ).
        titles: B titles; None for none.
        columns: images a row.
        mean, std: [C] each: the images are tensors [C, H, W] normalised by them, and are shown as ``image * std + mean``.

    Raises:
        ValueError: no image, not as many titles as images, or an image that is none.
    """
    if mean is not None and std is not None:
        images = [image * as_tensor(std).view(-1, 1, 1) + as_tensor(mean).view(-1, 1, 1) for image in images.cpu()]
    pictures = [to_picture(image) for image in images]
    if not pictures:
        raise ValueError("there is no image to show: images is empty")
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(f"{len(titles)} titles for {len(pictures)} images; give one title an image")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    # A cell is at most a quarter of the page: a single image would be shown larger than it needs to be.
    cell, gap, title = PAGE_WIDTH / max(columns, 4), 0.06, 0.24 if titles is not None else 0.0  # inches
    width = columns * cell
    tallest = max(p.shape[0] / p.shape[1] for p in pictures)
    row = (cell - gap) * tallest + gap + title
    fig = figure(rows * row, width)
    fig.set_layout_engine("none")
    for n, picture in enumerate(pictures):
        left, top = (n % columns) * cell, rows * row - (n // columns) * row - title
        height = (cell - gap) * tallest
        axes = fig.add_axes((left / width, (top - height) / (rows * row), (cell - gap) / width, height / (rows * row)))
        show(axes, picture)
        axes.set_anchor("N")
        if titles is not None:
            axes.set_title(str(titles[n]), loc="center", fontsize=9, fontweight="normal", pad=3)
    return fig


@style()
def patch_row(image: Any, patch_size: int) -> Figure:
    """An image, its grid of patches, and the patches in a row: the sequence of tokens that a ViT reads.

    Args:
        image: one image, as :func:`to_picture` takes it.
        patch_size: side P of a patch in pixels; a divisor of height and width.

    Shows the N = (H/P)(W/P) patches numbered from 0 in reading order; of more than 16 tokens the first 11 and the last 4.

    Raises:
        ValueError: the patch size does not divide the image; the message names sizes that do.
    """
    picture = to_picture(image)
    H, W = picture.shape[:2]
    rows, columns = check_divisible(H, W, patch_size)
    N = rows * columns
    channels = 1 if picture.ndim == 2 else 3
    height = min(0.48 * PAGE_WIDTH * H / W, 3.2) + 0.3
    fig = figure(height=height + 0.9)
    upper, lower = fig.subfigures(2, 1, height_ratios=[height, 0.9])
    whole, grid = upper.subplots(1, 2)
    show(whole, picture)
    whole.set_anchor("NW")
    whole.set_title(f"Image: {H} × {W} pixels")
    grid.set_title(f"Patches: {rows} × {columns}, each {patch_size} × {patch_size}")
    grid.set_anchor("NW")
    gap = 0.14  # of a patch
    for n in range(N):
        r, c = divmod(n, columns)
        draw_patch(grid, cut(picture, r, c, patch_size), c * (1 + gap), r * (1 + gap))
    frame(grid, columns * (1 + gap) - gap, rows * (1 + gap) - gap)

    row = lower.subplots()
    row.set_title(f"The row: {N} patches, each {channels * patch_size**2} numbers")
    fitting = SHOWN_TOKENS
    shown: list[int | None] = list(range(N))
    if fitting < N:
        shown = [*range(fitting - 5), None, *range(N - 4, N)]
    for place, token in enumerate(shown):
        x = place * (1 + gap)
        if token is None:
            row.text(x + 0.5, 0.5, "…", ha="center", va="center", fontsize=14, color=MUTED)
            continue
        draw_patch(row, cut(picture, *divmod(token, columns), patch_size), x, 0)
        row.text(x + 0.5, 1.12, str(token), ha="center", va="top", fontsize=9, color=INK)
    frame(row, max(len(shown), 8) * (1 + gap) - gap, 1.5)
    row.set_anchor("W")
    return fig


def to_picture(image: Any) -> NDArray[np.float64]:
    """An image as matplotlib draws it: [H, W] grey or [H, W, 3] colour, values 0..1.

    Args:
        image: tensor or array, [C, H, W] with C = 1 or 3, [H, W], or [H, W, 3]; uint8 0..255, or floats 0..1.

    Raises:
        ValueError: another shape, or floats outside 0..1: most often a normalised image, to be shown as ``image * std + mean``.
    """
    array = as_array(image)
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)
    elif not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise ValueError(f"an image is [C, H, W] with 1 or 3 channels, [H, W] or [H, W, 3]; got {list(array.shape)}")
    if array.dtype == np.uint8:
        return array.astype(np.float64) / 255
    array = array.astype(np.float64)
    low, high = float(array.min()), float(array.max())
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ValueError(
            f"image values run from {low:.3g} to {high:.3g}; give uint8, or floats from 0 to 1. "
            "A normalised image is turned back by image * std + mean (image_grid does it, given mean and std)"
        )
    return array.clip(0, 1)


def as_array(values: Any) -> NDArray[Any]:
    """A tensor on any device, an array or a list as a NumPy array."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().float().numpy() if values.is_floating_point() else values.detach().cpu().numpy()
    return np.asarray(values)


def show(axes: Axes, picture: NDArray[Any], **options: Any) -> None:
    """A picture of :func:`to_picture` without ticks; pixels stay squares."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, **options)
    axes.set_axis_off()


def cut(picture: NDArray[Any], row: int, column: int, patch_size: int) -> NDArray[Any]:
    """The patch in this row and column of the grid."""
    P = patch_size
    return picture[row * P : (row + 1) * P, column * P : (column + 1) * P]


def draw_patch(axes: Axes, patch: NDArray[Any], x: float, y: float) -> None:
    """One patch as a square of side 1 with its upper left corner at (x, y)."""
    axes.imshow(patch, cmap="gray", vmin=0, vmax=1, extent=(x, x + 1, y + 1, y))
    axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=MUTED, linewidth=0.6))


def frame(axes: Axes, width: float, height: float) -> None:
    """Show from (0, 0), the upper left corner, to (width, height), without ticks."""
    axes.set_xlim(-0.03, width + 0.03)
    axes.set_ylim(height + 0.03, -0.03)
    axes.set_aspect("equal")
    axes.set_axis_off()
