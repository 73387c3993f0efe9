"""Pictures of learning without labels: who is picked, what a teacher answers, and where its answers end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import ATTENTION, CATEGORIES, INK, LINE, MUTED, SIGNED, TINT, figure, style

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@style()
def pulls_and_pushes(cosines: Any, temperature: float) -> Figure:
    """Whom each query picks, p = softmax(cosines / tau) row by row, and what moves each similarity: p - y, with y the diagonal.

    Args:
        cosines: [B, B], of query i and key j.
        temperature: tau, above 0.

    Below 0 (blue) a pair is pulled together, above 0 (red) it is pushed apart. The loss is written above.
    """
    scores = as_array(cosines).astype(float) / temperature
    B = len(scores)
    log_p = scores - scores.max(1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))
    p = np.exp(log_p)
    fig = figure(height=3.1, width=5.6)
    left, right = fig.subplots(1, 2, sharey=True)
    shown = [(left, p, ATTENTION, 0.0, "p: who is picked"), (right, p - np.eye(B), SIGNED, -1.0, "p \N{MINUS SIGN} y")]
    for axes, values, colours, low, title in shown:
        drawn = axes.imshow(values, cmap=colours, vmin=low, vmax=1)
        axes.set_title(title)
        axes.set_xlabel("key j")
        axes.set_xticks(range(B))
        axes.set_yticks(range(B))
        axes.tick_params(length=0)
        fig.colorbar(drawn, ax=axes, shrink=0.7, ticks=[low, 0, 1] if low else [0, 1])
    left.set_ylabel("query i")
    loss = -float(log_p.diagonal().mean())
    fig.suptitle(f"loss {loss:.2f}; guessing costs log {B} = {math.log(B):.2f}", fontsize=10, x=0.98, ha="right")
    return fig


@style()
def answers_by_class(answers: Mapping[str, Any], classes: Sequence[str]) -> Figure:
    """Side by side, what several teachers answer: one row a class, one column an output, coloured by the mean probability.

    Args:
        answers: name -> [len(classes), K], rows that sum to 1.
        classes: names of the rows.

    Raises:
        ValueError: a table has not one row a class.
    """
    tables = {name: as_array(values).astype(float) for name, values in answers.items()}
    for name, table in tables.items():
        if len(table) != len(classes):
            raise ValueError(f"{name!r} has {len(table)} rows for {len(classes)} classes; give one a class")
    fig = figure(height=2.6)
    panels = fig.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for axes, (name, table) in zip(panels, tables.items()):
        drawn = axes.imshow(table, cmap=ATTENTION, vmin=0, vmax=1, aspect="auto")
        axes.set_title(name)
        axes.set_xlabel("output")
        axes.set_xticks([])
        axes.tick_params(length=0)
    panels[0].set_yticks(range(len(classes)), classes)
    panels[0].set_ylabel("class, never shown")
    fig.colorbar(drawn, ax=list(panels), ticks=[0, 1], shrink=0.8, pad=0.015)
    return fig


@style()
def nearest_images(query: Any, nearest: Any, titles: Sequence[object], right: Sequence[bool]) -> Figure:
    """An image, and beside it those whose features are nearest, in order; a frame marks those of another class.

    Args:
        query: one image, and nearest: k images, of the forms that :func:`~vit_tutorial.figures.images.to_picture` takes.
        titles: k + 1 words, the query's first.
        right: k times whether a neighbour has the query's class.

    Raises:
        ValueError: the numbers of images, titles and marks do not agree.
    """
    pictures = [to_picture(query), *(to_picture(image) for image in nearest)]
    if not len(pictures) == len(titles) == len(right) + 1:
        raise ValueError(
            f"{len(pictures) - 1} neighbours need one title more and as many marks, got {len(titles)} and {len(right)}"
        )
    fig = figure(height=1.25)
    for n, (axes, picture) in enumerate(zip(fig.subplots(1, len(pictures)), pictures)):
        show(axes, picture)
        axes.set_title(str(titles[n]), loc="center", fontsize=9)
        if n and not right[n - 1]:
            H, W = picture.shape[:2]
            axes.add_patch(
                Rectangle((-0.5, -0.5), W, H, fill=False, edgecolor=CATEGORIES[1], linewidth=4, clip_on=False)
            )
    return fig


@style()
def two_entropies(paths: Mapping[str, Sequence[tuple[float, float]]], outputs: int) -> Figure:
    """How a teacher's answers move during training: the entropy of an answer against that of the mean answer, in nats.

    The mean of several distributions is at least as spread as they are, so no path goes below the diagonal; on it all answers are
    alike. The height above it is what an answer tells of the image.

    Args:
        paths: name -> (entropy of an answer, entropy of the mean answer) at some steps, in order.
        outputs: K; both entropies lie between 0 and log K.
    """
    top = math.log(outputs)
    fig = figure(height=4.0, width=5.2)
    axes = fig.subplots()
    axes.fill_between([0, top], [0, top], -0.12, color=TINT, linewidth=0)
    axes.plot([0, top], [0, top], color=MUTED, linewidth=1.2, linestyle="--")
    axes.text(
        0.40 * top, 0.31 * top, "all answers alike", color=MUTED, fontsize=10, rotation=38, ha="center", va="center"
    )
    for number, (name, path) in enumerate(paths.items()):
        x, y = zip(*path)
        colour = CATEGORIES[number % 8]
        axes.plot(x, y, color=colour, linewidth=1.2, alpha=0.8)
        axes.plot(x[0], y[0], marker="o", markersize=5, color="white", markeredgecolor=colour, linestyle="")
        axes.plot(x[-1], y[-1], marker=MARKERS[number % 8], markersize=9, color=colour, linestyle="", label=name)
    axes.set_xlim(-0.12, 1.04 * top)
    axes.set_ylim(-0.12, 1.06 * top)
    ticks, names = [0, top / 2, top], ["0", "½ log K", "log K"]
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.grid(True, color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("entropy of an answer")
    axes.set_ylabel("entropy of the mean answer")
    axes.legend(loc="lower right", fontsize=9, labelcolor=INK)
    return fig
