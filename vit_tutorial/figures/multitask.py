"""Several tasks at once (6.1, 6.3.1, 8.3): scenes with all their answers, where weightings settle, and which way tasks pull."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.segmentation import laid_over, write_names
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, PAGE_WIDTH, figure, style

MARKERS = "os^Dvp"


@style()
def scenes_with_answers(
    images: Any, masks: Any, places: Any, captions: Sequence[str], classes: Sequence[str], found: Any = None
) -> Figure:
    """A row of scenes, below each its mask, with a ring where a digit lies, and a line of text.

    Args:
        images: [n, 1, H, W]. masks: [n, H, W] class numbers.
        places: [n, 2], (row, column) in pixels of the true place; a ring. found: of a model's, a cross; none is drawn without.
        captions: n texts. classes: the K names of the mask, background first.
    """
    n = len(images)
    shape = to_picture(images[0]).shape
    fig = figure(height=2 * PAGE_WIDTH / n * shape[0] / shape[1] + 0.6)
    above, below = fig.subplots(2, n, squeeze=False)
    for i in range(n):
        show(above[i], to_picture(images[i]))
        above[i].set_title(captions[i], fontsize=9, fontweight="normal")
        mask = as_array(masks[i])
        show(below[i], laid_over(images[i], mask, len(classes), 0.7))
        write_names(below[i], mask, classes)
        for axes in (above[i], below[i]):
            row, column = as_array(places[i])
            axes.plot(column, row, "o", markersize=15, markerfacecolor="none", markeredgecolor=CATEGORIES[1])
            if found is not None:
                row, column = as_array(found[i])
                axes.plot(column, row, "x", markersize=8, markeredgewidth=2, color=CATEGORIES[4])
    return fig


@style()
def settled(places: Mapping[str, float], factor: float) -> Figure:
    """A line from what one task wants to what the other wants, and where each way of weighing ends on it.

    Args:
        places: by name, 0 (all for task A) to 1 (all for task B). factor: by which task B's loss is multiplied, for the title.
    """
    fig = figure(height=0.9 + 0.4 * len(places))
    axes = fig.subplots()
    for row, place in enumerate(places.values()):
        axes.plot([0, 1], [row, row], color=LINE, linewidth=3, zorder=0)
        axes.plot(place, row, MARKERS[row % len(MARKERS)], color=CATEGORIES[row], markersize=9)
        axes.text(1.08, row, f"{place:.2f}", va="center", fontsize=9)
    axes.set_yticks(range(len(places)), list(places))
    axes.set(xlim=(-0.1, 1.2), ylim=(len(places) - 0.5, -0.5))
    axes.set_xticks([0, 0.5, 1], ["what A wants", "half way", "what B wants"])
    axes.set_title(f"Task B's loss multiplied by {factor:g}")
    return fig


@style()
def conflict_by_layer(
    cosines: Mapping[str, Sequence[float]], layers: Sequence[str], same: Sequence[float], title: str
) -> Figure:
    """The cosine of the gradients of pairs of tasks in each layer: a line a pair.

    Args:
        cosines: by pair, one number a layer. layers: their names, from the pixels up.
        same: one number a layer: the cosine of one task's gradient with itself on other images, the most that noise leaves.
        title: when this was.
    """
    fig = figure(height=3.2)
    axes = fig.subplots()
    x = np.arange(len(layers))
    axes.axhline(0, color=MUTED, linewidth=1)
    axes.fill_between(x, 0, same, color=LINE, alpha=0.6, linewidth=0, label="a task and itself, on other images")
    for number, (pair, values) in enumerate(cosines.items()):
        style_of = {"color": CATEGORIES[number % len(CATEGORIES)], "marker": MARKERS[number % len(MARKERS)]}
        axes.plot(x, values, linestyle=("-", "--", ":")[number % 3], label=pair, **style_of)  # type: ignore[arg-type]
    axes.set_xticks(x, list(layers))
    axes.set(ylim=(-1, 1), ylabel="cosine")
    axes.set_title(title)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=9)
    return fig


@style()
def price_of_a_variance(losses: Sequence[float]) -> Figure:
    """exp(-s) L + s/2 over the log variance s for several losses L, with the lowest point of each marked."""
    s = np.linspace(-7, 4, 300)
    fig = figure(height=3.0)
    axes = fig.subplots()
    axes.axhline(0, color=MUTED, linewidth=1)
    for number, loss in enumerate(losses):
        colour, best = CATEGORIES[number], np.log(2 * loss)
        axes.plot(
            s, np.exp(-s) * loss + s / 2, color=colour, linestyle=("-", "--", ":")[number % 3], label=f"L = {loss:g}"
        )
        axes.plot(best, 0.5 * (1 + best), MARKERS[number], color=colour)
    axes.set(xlabel="s, the logarithm of the variance", ylim=(-2.5, 3))
    axes.set_title("exp(\N{MINUS SIGN}s) L + s / 2")
    axes.legend(loc="lower right", fontsize=9)
    return fig


@style()
def by_budget(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Of each task the scores of several ways to train, a dot a seed and a bar at the mean.

    Args:
        scores: by task, by way, [S] values.
    """
    fig = figure(height=3.0)
    panels = fig.subplots(1, len(scores), squeeze=False)[0]
    for axes, (task, ways) in zip(panels, scores.items()):
        for number, values in enumerate(ways.values()):
            axes.plot(
                [number] * len(values), values, MARKERS[number], color=CATEGORIES[number], markersize=5, alpha=0.8
            )
            axes.plot([number - 0.3, number + 0.3], [np.mean(values)] * 2, color=INK, linewidth=1.4)
        axes.set_title(task)
        axes.set_xlim(-0.6, len(ways) - 0.4)
        axes.set_xticks(range(len(ways)), list(ways), rotation=60, ha="right")
    return fig
