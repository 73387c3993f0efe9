"""Pictures of losses: what is predicted, what is asked for, the push between them; and how sure models become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, figure, style

PREDICTED, DOWN, UP = CATEGORIES[4], CATEGORIES[3], CATEGORIES[2]
NARROW = 4.6  # inches: both halves are seen at once on a telephone


@style()
def target_and_gradient(probabilities: Any, target: Any, classes: Sequence[str]) -> Figure:
    """The probabilities of one image with its target, and the gradient of the cross-entropy at the logits, p - q, class by class.

    Args:
        probabilities: p [K], above 0 where the target is. target: q [K]. Both sum to 1.
        classes: the K names.

    The loss, the part of it that no prediction can avoid (the entropy of q) and the rest are written above.

    Raises:
        ValueError: the lengths differ, or one of the two does not sum to 1.
    """
    p, q = as_array(probabilities).astype(float), as_array(target).astype(float)
    if not p.shape == q.shape == (len(classes),):
        raise ValueError(
            f"{len(classes)} classes need as many probabilities and targets, got {list(p.shape)} and {list(q.shape)}"
        )
    if max(abs(p.sum() - 1), abs(q.sum() - 1)) > 1e-3:
        raise ValueError(f"p sums to {p.sum():.4g} and q to {q.sum():.4g}; each must sum to 1")
    asked = q > 0
    loss, least = (-float((q[asked] * np.log(v[asked])).sum()) for v in (p, q))
    rows = np.arange(len(classes))
    fig = figure(height=0.27 * len(classes) + 1.6, width=NARROW)
    left, right = fig.subplots(1, 2, sharey=True, width_ratios=[1.1, 1])
    left.barh(rows, p, height=0.72, color=PREDICTED, label="p")
    left.barh(rows[asked], q[asked], height=0.72, facecolor="none", edgecolor=INK, linewidth=1.3, label="q")
    left.set_xlim(0, 1)
    left.set_xticks([0, 0.5, 1])
    left.set_yticks(rows, classes)
    left.set_ylim(len(classes) - 0.5, -0.5)
    left.set_xlabel("predicted p, target q")
    push = p - q
    right.axvline(0, color=MUTED, linewidth=1)
    right.barh(rows, push, height=0.72, color=[DOWN if value > 0 else UP for value in push])
    right.set_xlim(-1, 1)
    right.set_xticks([-1, 0, 1])
    right.set_xlabel("gradient p \N{MINUS SIGN} q")
    words = f"loss {loss:.2f} = {least + 0.0:.2f} (entropy of q) + {loss - least:.2f}"  # + 0.0: no minus before a zero
    fig.suptitle(words, fontsize=10, x=0.98, ha="right")
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return fig


@style()
def gap_dots(gaps: Mapping[str, Sequence[float]], less: str, more: str, xlabel: str) -> Figure:
    """One row a setting, one dot a seed, on both sides of zero: signed numbers such as confidence minus accuracy.

    Args:
        gaps: name -> one number a seed.
        less, more: what a number below and above zero means, written at the two ends.
        xlabel: what the numbers are.
    """
    largest = 1.25 * max(abs(value) for values in gaps.values() for value in values) or 1.0
    fig = figure(height=1.15 + 0.4 * len(gaps))
    axes = fig.subplots()
    axes.axvline(0, color=MUTED, linewidth=1.2, linestyle="--")
    for row, values in enumerate(gaps.values()):
        axes.axhline(row, color=LINE, linewidth=0.8, zorder=0)
        axes.plot(values, [row] * len(values), "o", color=CATEGORIES[0], alpha=0.75, markersize=7)
        axes.plot([float(np.mean(values))] * 2, [row - 0.28, row + 0.28], color=INK, linewidth=2.4)
    axes.set_yticks(range(len(gaps)), list(gaps))
    axes.set_ylim(len(gaps) - 0.5, -0.5)
    axes.set_xlim(-largest, largest)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(xlabel)
    for x, words, side in ((0.0, less, "left"), (1.0, more, "right")):
        axes.text(x, 1.02, words, transform=axes.transAxes, ha=side, va="bottom", color=MUTED, fontsize=10)
    return fig
