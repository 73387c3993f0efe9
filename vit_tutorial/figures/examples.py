"""Pictures of the examples (3.3): pixels that no patch reads, a mistake from near, and what leaving something out does, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from vit_tutorial.figures.evaluation import RIGHT, WRONG, percent
from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, TINT, figure, style

UNREAD = CATEGORIES[3]
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # one a seed, the same in every row


@style()
def unread_pixels(image: Any, patch_size: int) -> Figure:
    """The whole patches that fit into an image, and the pixels at its right and lower edge that none of them reads.

    Args:
        image: one image, as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        patch_size: side P of a patch, at most the shorter side of the image; it need not divide the image.

    What a convolution with kernel and stride P does to such an image. The title counts patches, pixels and ink (the sum of the values)
    that are lost.
    """
    picture = to_picture(image)
    H, W = picture.shape[:2]
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
        ValueError: the probabilities are not [K] or do not sum to 1.
    """
    p = as_array(probabilities).astype(float)
    K = len(classes)
    if p.shape != (K,) or abs(p.sum() - 1) > 1e-3:
        raise ValueError(
            f"{K} classes need [{K}] probabilities that sum to 1, got {list(p.shape)} with the sum {p.sum():.4g}"
        )
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


@style()
def paired_differences(
    baseline: Sequence[float], others: Mapping[str, Sequence[float]], title: str = "Difference of accuracy"
) -> Figure:
    """One row a change: for each seed its accuracy minus the baseline's of the same seed, in percentage points.

    Args:
        baseline: fractions 0..1, one a seed.
        others: name of each change and its fractions, of the same seeds in the same order.
        title: above the figure.

    A marker a seed, a bar at the mean, a line from the mean minus to the mean plus the sample standard deviation of the differences,
    which is also written at the right.

    Raises:
        ValueError: fewer than two seeds, no change, or a change with another number of seeds.
    """
    before = as_array(baseline).astype(float)
    if before.ndim != 1 or len(before) < 2 or not others:
        raise ValueError("a spread of differences needs a baseline of at least two seeds, and one change or more")
    rows: dict[str, NDArray[Any]] = {}
    for name, values in others.items():
        after = as_array(values).astype(float)
        if after.shape != before.shape:
            raise ValueError(
                f"{name!r} has {len(after)} seeds and the baseline {len(before)}; pairs need the same seeds"
            )
        rows[name] = 100 * (after - before)
    fig = figure(height=0.95 + 0.42 * len(rows))
    axes = fig.subplots()
    axes.axvline(0, color=MUTED, linewidth=1.2, linestyle="--")
    for row, differences in enumerate(rows.values()):
        mean, spread = differences.mean(), differences.std(ddof=1)
        axes.axhline(row, color=LINE, linewidth=0.8, zorder=0)
        axes.plot([mean - spread, mean + spread], [row, row], color=INK, linewidth=1.2)
        axes.plot([mean, mean], [row - 0.26, row + 0.26], color=INK, linewidth=2.4)
        for seed, value in enumerate(differences):
            axes.plot(value, row, MARKERS[seed % len(MARKERS)], color=CATEGORIES[seed % 6], alpha=0.8, markersize=6)
        axes.text(
            1.02,
            row,
            f"{mean:+.1f} ± {spread:.1f}".replace("-", "\N{MINUS SIGN}"),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(rows)), list(rows), fontsize=10)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        "percentage points; a marker a seed, a bar at the mean, a line of one spread to each side", fontsize=9
    )
    axes.set_title(title)
    return fig
