"""Pictures of section 3.3.1: pixels that no patch reads, and a mistake with what stood next to it in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vit_tutorial.figures.evaluation import RIGHT, WRONG, percent
from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import CATEGORIES, INK, TINT, figure, style

UNREAD = CATEGORIES[3]


@style()
def unread_pixels(image: Any, patch_size: int) -> Figure:
    """The whole patches that fit into an image, and the pixels at its right and lower edge that none of them reads.

    Args:
        image: one image, as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        patch_size: side P of a patch, at most the shorter side of the image; it need not divide the image.

    What a convolution with kernel and stride P does to such an image. The title counts patches, pixels and ink (the sum of the values)
    that are lost.

    Raises:
        ValueError: the patch is larger than the image, or smaller than a pixel.
    """
    picture = to_picture(image)
    H, W = picture.shape[:2]
    if not 1 <= patch_size <= min(H, W):
        raise ValueError(f"patch size {patch_size} does not fit an image of {H}x{W} pixels; choose 1 to {min(H, W)}")
    rows, columns = H // patch_size, W // patch_size
    bottom, right = rows * patch_size, columns * patch_size
    pixels = 1 - bottom * right / (H * W)
    ink = max(0.0, 1 - float(picture[:bottom, :right].sum()) / max(float(picture.sum()), 1e-12))
    fig = figure(height=3.4, width=4.6)
    axes = fig.subplots()
    show(axes, picture, extent=(0, W, H, 0))
    for x, y, width, height in ((right, 0, W - right, H), (0, bottom, right, H - bottom)):
        if width and height:
            axes.add_patch(
                Rectangle((x, y), width, height, facecolor=UNREAD, alpha=0.55, edgecolor=UNREAD, linewidth=0)
            )
    for n in range(rows * columns):
        r, c = divmod(n, columns)
        corner = (c * patch_size, r * patch_size)
        axes.add_patch(Rectangle(corner, patch_size, patch_size, fill=False, edgecolor=CATEGORIES[4], linewidth=1))
    axes.set_xlim(-0.3, W + 0.3)
    axes.set_ylim(H + 0.3, -0.3)
    patches = f"{rows * columns} patch{'es' if rows * columns > 1 else ''}"
    axes.set_title(
        f"P = {patch_size}: {patches}; not read:\n{percent(pixels)} of the pixels, {percent(ink)} of the ink"
    )
    return fig


@style()
def look_closer(
    image: Any, probabilities: Any, label: int, classes: Sequence[str], neighbours: Sequence[tuple[Any, int]]
) -> Figure:
    """One image large, the probabilities that a classifier gave it, and the training images that are nearest to it.

    Args:
        image: one image, as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        probabilities: [K]; they sum to 1.
        label: its true class, 0..K-1; its bar is green and its name bold.
        classes: the K class names.
        neighbours: (image, class number) each, the nearest first; at most four are shown.

    Raises:
        ValueError: the probabilities are not [K] or do not sum to 1, the label is none of 0..K-1, or there is no neighbour.
    """
    p = as_array(probabilities).astype(float)
    K = len(classes)
    if p.shape != (K,) or abs(p.sum() - 1) > 1e-3 or not 0 <= label < K:
        raise ValueError(
            f"{K} classes need [{K}] probabilities that sum to 1 and a label below {K}; "
            f"got {list(p.shape)} with the sum {p.sum():.4g} and the label {label}"
        )
    if not len(neighbours):
        raise ValueError("there is no neighbour to show; give at least one (image, class number)")
    fig = figure(height=3.3)
    left, middle, right = fig.subfigures(1, 3, width_ratios=[1.15, 1.1, 0.95])
    axes = left.subplots()
    show(axes, to_picture(image))
    axes.set_title(f"true: {classes[label]}, called: {classes[int(p.argmax())]}")
    bars = middle.subplots()
    bars.barh(range(K), [1] * K, color=TINT, height=0.6)
    bars.barh(range(K), p, color=[RIGHT if k == label else WRONG for k in range(K)], height=0.6)
    bars.set_yticks(range(K), classes)
    bars.get_yticklabels()[label].set_fontweight("bold")
    bars.invert_yaxis()
    bars.set_xlim(0, 1)
    bars.set_xticks([0, 0.5, 1])
    bars.tick_params(axis="y", length=0)
    bars.spines["left"].set_visible(False)
    bars.set_title("Probability")
    right.suptitle("Nearest in training", x=0.02, ha="left", fontsize=10, fontweight="bold", color=INK)
    for small, (picture, number) in zip(np.ravel(right.subplots(2, 2)), [*neighbours, *[(None, 0)] * 4]):
        small.set_axis_off()
        if picture is not None:
            show(small, to_picture(picture))
            small.set_title(classes[number], fontsize=9, fontweight="normal", loc="center")
    return fig
