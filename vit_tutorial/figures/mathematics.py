"""Pictures for the map of the chapter: which token moves which, and how large an error is beside a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import ATTENTION, CATEGORIES, MUTED, figure, style


@style()
def influence_map(influence: Any) -> Figure:
    """Which token moves which: a bright square in row i, column j says that output token i changed when input token j was nudged.

    Args:
        influence: [N, N], how much output token i changes with input token j, not negative. An exact zero is left blank.

    Raises:
        ValueError: a negative or not finite number, as of a gradient with its sign.
    """
    matrix = as_array(influence).astype(float)
    if not (matrix >= 0).all():
        raise ValueError(
            f"influence is not negative, got {matrix.min():.3g}; of signed numbers give the absolute values"
        )
    fig = figure(height=4.3)
    axes, notes = fig.subplots(1, 2, width_ratios=[1, 0.62])
    axes.imshow(np.where(matrix == 0, np.nan, matrix), cmap=ATTENTION, vmin=0)
    axes.set_xlabel("input token that is nudged")
    axes.set_ylabel("output token that is looked at")
    axes.spines[:].set_visible(True)
    N, reached = len(matrix), int((matrix > 0).sum())
    notes.set_axis_off()
    for line, (text, weight) in enumerate(
        [
            (f"{N * N:,} pairs of tokens", "normal"),
            (f"{int((matrix.diagonal() > 0).sum()):,} reach themselves", "normal"),
            (f"{reached - int((matrix.diagonal() > 0).sum()):,} reach another", "bold"),
        ]
    ):
        notes.text(0, 0.62 - 0.1 * line, text, fontweight=weight, fontsize=11, transform=notes.transAxes)
    return fig


@style()
def error_sizes(errors: Mapping[str, float], tolerance: float) -> Figure:
    """How large each difference is, on a logarithmic axis, with the tolerance that a check uses.

    Args:
        errors: name -> largest absolute difference. An exact zero is written as such.
        tolerance: the line between what passes and what fails.
    """
    values = np.array(list(errors.values()), dtype=float)
    low = min(tolerance, values[values > 0].min() if values.any() else tolerance) / 10
    fig = figure(height=0.7 + 0.36 * len(values))
    axes = fig.subplots()
    for row, value in enumerate(errors.values()):
        color = CATEGORIES[3] if value > tolerance else CATEGORIES[0]
        if value:
            axes.plot([low, value], [row, row], color=color, linewidth=5, solid_capstyle="butt")
        axes.text(max(value, low) * 1.3, row, f"{value:.0e}" if value else "exactly 0", va="center", fontsize=9)
    axes.axvline(tolerance, color=MUTED, linewidth=1, linestyle="--")
    axes.text(tolerance * 1.2, -0.72, "tolerance", color=MUTED, fontsize=9, va="center")
    axes.set_xscale("log")
    axes.set_xlim(low, max(values.max(), tolerance) * 30)
    axes.set_ylim(len(values) - 0.5, -1.05)
    axes.set_yticks(range(len(values)), list(errors))
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.set_xlabel("largest difference between the two logits")
    axes.spines["left"].set_visible(False)
    return fig
