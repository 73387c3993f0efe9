"""Pictures of annotations (4.3): an outline over the mask it stands for, and objects over their image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.segmentation import coloured, score_bars, write_names
from vit_tutorial.figures.style import CATEGORIES, PAGE_WIDTH, figure, style

MISSED, ADDED = CATEGORIES[3], CATEGORIES[0]  # pixels of the mask that the outline leaves out, and the other way round


@style()
def outline_fit(mask: Any, filled: Any, corners: Any, scores: Mapping[str, float]) -> Figure:
    """An outline over the mask that it was drawn around, the pixels in which its filling differs, and below a bar for each score.

    Args:
        mask: bool [H, W]. filled: bool [H, W], what the outline fills.
        corners: [n, 2], x and y of each; pixel (row, column) covers x from column to column + 1.
        scores: name to a number from 0 to 1.
    """
    mask, filled = as_array(mask).astype(bool), as_array(filled).astype(bool)
    H, W = mask.shape
    panel, below = PAGE_WIDTH / 2 * H / W + 0.3, 0.3 * len(scores) + 0.25
    fig = figure(height=panel + below)
    upper, lower = fig.subfigures(2, 1, height_ratios=[panel, below])
    left, right = upper.subplots(1, 2)
    object_ = np.where(mask[..., None], 0.72, 1.0).repeat(3, -1)
    show(left, object_, extent=(0, W, H, 0))
    left.add_patch(Polygon(as_array(corners), fill=False, edgecolor=ADDED, linewidth=1.6))
    left.plot(*as_array(corners).T, "o", color=ADDED, markersize=3)
    left.set_title(f"{len(corners)} corners")
    differing = np.where(mask[..., None], 0.86, 1.0).repeat(3, -1)
    for where, colour in ((mask & ~filled, MISSED), (filled & ~mask, ADDED)):
        differing[where] = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    show(right, differing, extent=(0, W, H, 0))
    right.set_title("left out (red), added (blue)")
    score_bars(lower.subplots(), scores)
    return fig


@style()
def objects_over_image(
    image: Any, masks: Any, names: Sequence[str], void: Any = None, shown: int | None = None
) -> Figure:
    """An image, and beside it its objects in colours of their own with their names on them, laid down one by one; crowd regions hatched.

    Args:
        image: one image, as ``to_picture`` takes it. masks: bool [m, H, W], which may overlap: later ones cover earlier ones.
        names: m names. void: bool [H, W]. shown: how many of the objects; None for all.
    """
    picture, masks = to_picture(image), as_array(masks).astype(bool)[:shown]
    H, W = picture.shape[:2]
    numbers = np.zeros((H, W), np.int64)
    for number, mask in enumerate(masks, 1):
        numbers[mask] = number
    if void is not None:
        numbers[as_array(void).astype(bool) & (numbers == 0)] = 255
    fig = figure(height=PAGE_WIDTH / 2 * H / W + 0.3)
    first, second = fig.subplots(1, 2)
    show(first, picture)
    first.set_title("image")
    colours = coloured(numbers, len(names) + 1)
    grey = np.stack([picture] * 3, -1) if picture.ndim == 2 else picture.mean(-1, keepdims=True).repeat(3, -1)
    share = np.where(numbers[..., None] > 0, 0.65, 0.0)
    show(second, share * colours + (1 - share) * grey)
    second.set_title(f"{len(masks)} of {len(names)} objects")
    write_names(second, numbers, ["", *names])
    return fig
