"""Comparisons of settings and their intervals (5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import ACCENT, ATTENTION, CATEGORIES, INK, LINE, MUTED, figure, style
from vit_tutorial.metrics.comparison import Difference, paired_t


@style()
def two_groups(values: Any, first: Sequence[int], second: Sequence[int]) -> Figure:
    """All runs of one recipe as dots, two groups of them picked out, and the interval of the difference of the groups' means.

    Args:
        values: [S] accuracies, fractions 0..1, one a run.
        first, second: the places of the runs of each group, as many in both.
    """
    scores, fig = 100 * as_array(values).astype(float), figure(height=2.5)
    left, right = fig.subplots(1, 2, width_ratios=[3, 2])
    left.plot(scores, np.full(len(scores), 2), "o", color=LINE, markersize=6)
    for height, group in ((1, first), (0, second)):
        colour = CATEGORIES[height]
        left.plot(scores[list(group)], np.full(len(group), height), "os"[height], color=colour, markersize=7)
        left.plot([scores[list(group)].mean()] * 2, [height - 0.3, height + 0.3], color=INK)
    left.set_yticks([2, 1, 0], ["all runs", "first three", "second three"])
    left.set_ylim(-0.6, 2.6)
    left.set_title("Accuracy of each run, %")
    d = paired_t(scores[list(first)], scores[list(second)])
    right.axvline(0, color=MUTED, linestyle="--", linewidth=1.2)
    right.plot([d.low, d.high], [0, 0], color=INK)
    right.plot(d.mean, 0, "D", color=ACCENT)
    reach = 6 * scores.std()  # the same for every draw; a longer interval is cut
    right.set(xlim=(-reach, reach), ylim=(-1, 1), yticks=[])
    right.set_title(f"Difference {d.mean:+.1f}".replace("-", "\N{MINUS SIGN}"))
    words = "misses zero" if d.is_established else "holds zero"
    right.text(0, -0.6, f"the 95 % interval {words}", ha="center", fontsize=9)
    right.spines["left"].set_visible(False)
    return fig


@style()
def intervals(differences: Mapping[str, Difference], title: str, scale: float = 100.0) -> Figure:
    """One row a difference: its mean, and its interval, thick where it lies on one side of zero.

    Args:
        differences: by name, in the order of the rows.
        title: what is subtracted from what, and the unit.
        scale: a factor for all numbers; 100 makes percentage points of fractions.
    """
    fig = figure(height=0.8 + 0.36 * len(differences))
    axes = fig.subplots()
    axes.axvline(0, color=MUTED, linestyle="--", linewidth=1.2)
    for row, d in enumerate(differences.values()):
        low, mean, high = scale * d.low, scale * d.mean, scale * d.high
        colour = ACCENT if d.is_established else MUTED
        axes.plot([low, high], [row, row], color=colour, linewidth=3 if d.is_established else 1.4)
        axes.plot(mean, row, "D" if d.is_established else "o", color=colour, markersize=6)
        words = f"{mean:+.1f}  [{low:+.1f}, {high:+.1f}]".replace("-", "\N{MINUS SIGN}")
        axes.text(1.02, row, words, transform=axes.get_yaxis_transform(), va="center", fontsize=9)
    axes.set_yticks(range(len(differences)), list(differences))
    axes.set_ylim(len(differences) - 0.5, -0.5)
    axes.set_title(title)
    return fig


@style()
def rates_by_batch(scores: Any, batches: Sequence[int], rates: Sequence[float]) -> Figure:
    """A heat map of accuracies over batch size and learning rate, with the lines of both scaling rules through the best rate of the middle batch.

    Args:
        scores: [batches, rates] mean accuracies, fractions 0..1; NaN where runs diverged.
        batches: batch sizes, ascending by one factor.
        rates: learning rates, ascending by one factor.

    A star marks the best rate of each batch size. Both axes are logarithmic, so the linear rule is a straight line of slope 1 and the
    square-root rule one of slope 1/2.
    """
    found = 100 * as_array(scores).astype(float)
    fig = figure(height=3.6)
    axes = fig.subplots()
    norm = Normalize(max(np.nanmin(found), np.nanmax(found) - 40), np.nanmax(found))
    axes.imshow(found.T, norm=norm, cmap=ATTENTION, origin="lower", aspect="auto")
    for column, row in np.ndindex(found.shape):
        value = found[column, row]
        bright = norm(value) > 0.6
        text = "diverged" if np.isnan(value) else f"{value:.1f}"
        axes.text(column, row - 0.32, text, ha="center", va="center", fontsize=9, color=INK if bright else "white")
    best = np.nanargmax(found, axis=1)
    middle = len(batches) // 2
    x = np.arange(len(batches))
    rise = np.log(batches[1] / batches[0]) / np.log(rates[1] / rates[0])  # cells up for one cell to the right, slope 1
    for slope, dash, name in ((1.0, "-", "linear"), (0.5, "--", "square root")):
        axes.plot(x, best[middle] + slope * rise * (x - middle), dash, color=CATEGORIES[3], label=f"{name} scaling")
    axes.plot(x, best, "*", color="white", markeredgecolor=INK, markersize=11, linestyle="none", label="best rate")
    axes.set(xlim=(-0.5, len(batches) - 0.5), ylim=(-0.5, len(rates) - 0.5))
    axes.set_xticks(x, [str(batch) for batch in batches])
    axes.set_yticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    axes.set(xlabel="batch size", ylabel="learning rate")
    axes.set_title("Accuracy on the validation split, %")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=9)
    return fig


@style()
def rate_curves(rates: Sequence[float], scores: Mapping[str, Any]) -> Figure:
    """Accuracy over the learning rate: of each setting the mean of the seeds as a line, each seed as a dot.

    Args:
        rates: [R] learning rates.
        scores: by name [R, S] fractions 0..1 of S seeds.
    """
    fig = figure(height=3.0)
    axes = fig.subplots()
    for number, (name, values) in enumerate(scores.items()):
        found, colour = 100 * as_array(values).astype(float), CATEGORIES[number % len(CATEGORIES)]
        axes.plot(rates, found.mean(1), "-" if number % 2 == 0 else "--", color=colour, label=name)
        for of_seed in found.T:
            axes.plot(rates, of_seed, "os^Dv"[number % 5], color=colour, markersize=4, alpha=0.6)
    _rates_below(axes, rates)
    axes.set_title("Accuracy on the validation split, %")
    axes.legend(loc="lower center", fontsize=9)
    return fig


@style()
def range_test(rates: Any, losses: Any, marked: Mapping[str, float] | None = None) -> Figure:
    """The loss while the learning rate rises at every step.

    Args:
        rates: [T] the rate of each step.
        losses: [T] the training loss before it, smoothed or not.
        marked: names and rates, each drawn as a vertical line.
    """
    x, y = as_array(rates).astype(float), as_array(losses).astype(float)
    fig = figure(height=2.8)
    axes = fig.subplots()
    axes.plot(x, y, color=CATEGORIES[0])
    axes.set_ylim(0, 1.5 * y[0])
    marked = marked or {}
    for number, (name, rate) in enumerate(marked.items()):
        axes.axvline(rate, color=CATEGORIES[3], linestyle=("-", "--", ":")[number % 3], linewidth=1.3)
        side = "right" if rate == min(marked.values()) and len(marked) > 1 else "left"
        axes.text(rate, 1.45 * y[0], f" {name} ", fontsize=9, va="top", ha=side)
    axes.set_xscale("log")
    axes.set(xlabel="learning rate")
    axes.set_title("Training loss")
    return fig


def _rates_below(axes: Any, rates: Sequence[float]) -> None:
    """A logarithmic axis with a tick at each rate."""
    axes.set_xscale("log")
    axes.set_xticks(list(rates))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("learning rate")
