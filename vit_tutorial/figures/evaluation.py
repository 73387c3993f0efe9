"""Pictures of what a classifier gets right and wrong, and of how much a measured accuracy moves by luck alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import CATEGORIES, INK, MUTED, TINT, figure, style

RIGHT, WRONG = CATEGORIES[2], CATEGORIES[1]
BARS = 60  # of a histogram, from one end of its axis to the other
COUNTED = 25  # classes up to which the cells of a confusion matrix hold their numbers


@style()
def confusion(matrix: Any, classes: Sequence[str]) -> Figure:
    """A confusion matrix: how many images of each true class (row) were given each class (column).

    Args:
        matrix: [K, K] counts; rows are true classes, columns predictions.
        classes: the K class names.

    The colour is the cell's share of its row, so that rare classes count as much as frequent ones; its scale is a square root, so that
    a few mistakes can be seen beside many hits. Empty cells are left blank.

    Raises:
        ValueError: the matrix is not [K, K].
    """
    counts = as_array(matrix).astype(float)
    K = len(classes)
    if counts.shape != (K, K):
        raise ValueError(f"{K} classes need a [{K}, {K}] matrix, got {list(counts.shape)}")
    share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    side = min(max(0.42 * K + 1.2, 2.8), 6.4)
    fig = figure(height=side)
    axes = fig.subplots()
    image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    long = max(map(len, classes)) > 4
    axes.set_xticks(
        range(K), classes, rotation=45 if long else 0, ha="right" if long else "center", rotation_mode="anchor"
    )
    axes.set_yticks(range(K), classes)
    axes.set_xlabel("predicted class", labelpad=8)
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if K <= COUNTED:
        for row, column in zip(*counts.nonzero()):
            dark = share[row, column] > 0.3
            number = f"{counts[row, column]:g}"
            axes.text(column, row, number, ha="center", va="center", fontsize=9, color="white" if dark else INK)
    bar = fig.colorbar(
        image, ax=axes, shrink=0.6, pad=0.03, ticks=[0, 0.05, 0.25, 0.5, 1], format=lambda x, _: f"{100 * x:g} %"
    )
    bar.set_label("share of the true class", fontsize=9)
    bar.ax.spines["outline"].set_visible(False)
    return fig


@style()
def mistakes(images: Any, labels: Any, probabilities: Any, classes: Sequence[str], limit: int = 6) -> Figure:
    """The images that were classified wrongly, the most confident mistake first, each with its three most probable classes.

    Args:
        images: B images as :func:`~vit_tutorial.figures.images.to_picture` takes them, e.g. [B, C, H, W] uint8.
        labels: [B] true classes, 0..K-1.
        probabilities: [B, K]; rows sum to 1.
        classes: the K class names.
        limit: how many mistakes to show.

    Above each image its true class. A bar is as long as the class's probability; the true class is green with bold letters. Where all
    are right, the figure says so.

    Raises:
        ValueError: the lengths do not fit, or rows of probabilities do not sum to 1.
    """
    p, truth = as_array(probabilities).astype(float), as_array(labels).astype(int)
    if p.shape != (len(images), len(classes)) or truth.shape != (len(images),):
        raise ValueError(
            f"{len(images)} images and {len(classes)} classes need labels [{len(images)}] and probabilities "
            f"[{len(images)}, {len(classes)}], got {list(truth.shape)} and {list(p.shape)}"
        )
    if len(p) and not np.allclose(p.sum(axis=1), 1, atol=1e-3):
        worst = p.sum(axis=1)[np.abs(p.sum(axis=1) - 1).argmax()]
        raise ValueError(f"a row of probabilities sums to {worst:.4g}; apply softmax(-1) to logits first")
    wrong = np.flatnonzero(p.argmax(axis=1) != truth)
    chosen = wrong[np.argsort(-p[wrong].max(axis=1), kind="stable")][:limit]
    if not len(chosen):
        fig = figure(height=0.6)
        fig.text(0.0, 0.5, f"No mistakes among {len(p)} images.", va="center", color=MUTED)
        return fig
    columns = 3
    rows = -(-len(chosen) // columns)
    fig = figure(height=1.25 * rows)
    grid = fig.add_gridspec(rows, columns * 2, width_ratios=[0.75, 1] * columns)
    for place, n in enumerate(chosen):
        row, column = divmod(place, columns)
        axes = fig.add_subplot(grid[row, 2 * column])
        show(axes, to_picture(images[int(n)]))
        axes.set_title(f"true: {classes[truth[n]]}", fontsize=9)
        bars = fig.add_subplot(grid[row, 2 * column + 1])
        top = np.argsort(-p[n], kind="stable")[:3]
        colours = [RIGHT if k == truth[n] else WRONG for k in top]
        bars.barh(range(len(top)), [1] * len(top), color=TINT, height=0.3)
        bars.barh(range(len(top)), p[n][top], color=colours, height=0.3)
        for y, k in enumerate(top):
            weight = "bold" if k == truth[n] else "normal"
            bars.text(0, y - 0.24, classes[k], fontsize=9, fontweight=weight, va="bottom")
            bars.text(1, y - 0.24, percent(p[n][k]), fontsize=9, va="bottom", ha="right", color=MUTED)
        bars.set_xlim(0, 1)
        bars.set_ylim(len(top) - 0.7, -0.9)
        bars.set_axis_off()
    return fig


@style()
def reliability_diagram(confidence: Any, accuracy: Any, count: Any) -> Figure:
    """Confidence against accuracy, a bar a bin of equal width; the dashed diagonal is a model that is as sure as it is right.

    Args:
        confidence, accuracy: [bins] means in each bin, from 0 to 1; NaN in an empty bin.
        count: [bins] predictions in each bin; their share is drawn below.
    """
    confidence, accuracy, count = (as_array(v).astype(float) for v in (confidence, accuracy, count))
    bins = len(count)
    left, width = np.arange(bins) / bins, 1 / bins
    fig = figure(height=4.4, width=4.6)
    axes, below = fig.subplots(2, 1, height_ratios=[3.4, 1], sharex=True)
    axes.bar(left, np.nan_to_num(accuracy), width, align="edge", color=CATEGORIES[4], edgecolor="white")
    gap = np.nan_to_num(confidence - accuracy)
    over, under = gap.clip(min=0), (-gap).clip(min=0)
    base = np.nan_to_num(accuracy)
    axes.bar(left, over, width, base, align="edge", color=WRONG, alpha=0.75, edgecolor="white", label="too sure")
    axes.bar(
        left,
        under,
        width,
        base - under,
        align="edge",
        color=RIGHT,
        alpha=0.75,
        edgecolor="white",
        label="not sure enough",
    )
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
    axes.set_ylabel("share that is right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.legend(loc="upper left")
    below.bar(left, count / max(count.sum(), 1), width, align="edge", color=MUTED, edgecolor="white")
    below.set_ylim(0, 1)
    below.set_xlabel("confidence: the highest probability")
    below.set_ylabel("share of all")
    return fig


@style()
def accuracy_histogram(
    accuracies: Any,
    marks: Mapping[str, float],
    band: tuple[float, float] | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
    images: int | None = None,
) -> Figure:
    """How often each accuracy was measured, with lines at some of them and, if wanted, an interval behind.

    Args:
        accuracies: [n] measured accuracies, from 0 to 1.
        marks: label -> accuracy at which a line is drawn, at most four.
        band: (low, high) of an interval that is shaded.
        limits: of the axis, the same for figures that are to be compared.
        images: the number n on which each was measured, so that they are multiples of 1/n: every bar then holds equally many of those.

    Raises:
        ValueError: no accuracy, one outside 0 and 1, or more than four marks.
    """
    values = as_array(accuracies).astype(float)
    if values.ndim != 1 or not len(values) or values.min() < 0 or values.max() > 1:
        raise ValueError("accuracies is [n] with at least one value, all from 0 to 1")
    if len(marks) > 4:
        raise ValueError(f"{len(marks)} marks are too many to tell apart; give at most 4")
    fig = figure(height=2.9)
    axes = fig.subplots()
    if band is not None:
        low, high = band
        axes.axvspan(low, high, facecolor=TINT, edgecolor=CATEGORIES[0], linestyle=":", linewidth=1, zorder=0)
    width, first = (limits[1] - limits[0]) / BARS, limits[0]
    if images is not None:
        width, first = max(1, round(width * images)) / images, (np.floor(limits[0] * images) - 0.5) / images
    edges = np.arange(first, limits[1] + width, width)
    axes.hist(values, bins=edges.tolist(), color=CATEGORIES[4], edgecolor="white", linewidth=0.4, zorder=2)
    colours = (INK, CATEGORIES[3], CATEGORIES[2], CATEGORIES[5])
    for (label, value), colour in zip(marks.items(), colours):
        axes.axvline(value, color=colour, linewidth=2, label=f"{label}: {value:.3f}", zorder=3)
    axes.set_xlim(*limits)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("measured accuracy")
    fig.legend(loc="outside upper left", ncols=2)
    return fig


def percent(p: float) -> str:
    """``0.874 -> '87 %'``; what would round to 0 or 100 says on which side it is."""
    if 0 < p < 0.005:
        return "< 1 %"
    return "> 99 %" if 0.995 <= p < 1 else f"{100 * p:.0f} %"
