"""Pictures for judging a result: how much a measured accuracy moves by luck alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import CATEGORIES, INK, TINT, figure, style

BARS = 60  # of a histogram, from one end of its axis to the other


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
