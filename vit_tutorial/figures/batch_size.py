"""Pictures for the size of a batch: gradients of batches as a cloud, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import FuncFormatter, NullFormatter

from vit_tutorial.figures.feedforward_math import DASHES, NARROW
from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, figure, style


@style()
def gradient_cloud(points: Any, mean: float, radius: float, limit: float, title: str) -> Figure:
    """Gradients of random batches, drawn in a plane that holds the gradient of all examples, which is an arrow to the right.

    Args:
        points: [n, 2]: of each batch's gradient, the part along that arrow and the part across it.
        mean: length of the arrow. radius: of the circle around its tip that the theory gives.
        limit: the axes reach from -limit to limit, so that pictures of several batch sizes can be compared.
    """
    x, y = as_array(points).astype(float).T
    fig = figure(height=4.2, width=NARROW)
    axes = fig.subplots()
    axes.axhline(0, color=LINE, linewidth=1, zorder=0)
    axes.axvline(0, color=LINE, linewidth=1, zorder=0)
    axes.scatter(x, y, s=14, color=CATEGORIES[0], alpha=0.6, linewidths=0, label="a batch")
    axes.add_patch(
        Circle(
            (mean, 0), radius, fill=False, color=MUTED, linestyle=(0, (4, 2)), linewidth=1.4, label="root mean square"
        )
    )
    axes.annotate(
        "",
        (mean, 0),
        (0, 0),
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0},
    )
    axes.set(
        xlim=(-limit, limit), ylim=(-limit, limit), xlabel="along the gradient of all", ylabel="across it", title=title
    )
    axes.set_aspect("equal")
    axes.legend(loc="upper left", fontsize=10)
    return fig


@style()
def by_batch_size(panels: Mapping[str, tuple[Any, Mapping[str, Any], Mapping[str, Any]]]) -> Figure:
    """What was measured at several batch sizes, as dots, and what a law says, as lines; both axes are logarithmic.

    Args:
        panels: ``{"title": (batch sizes [n], {"measured": [n]}, {"law": [n]})}``.
    """
    fig = figure(height=3.1, **({"width": NARROW} if len(panels) == 1 else {}))
    for axes, (title, (sizes, dots, lines)) in zip(fig.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        x = as_array(sizes).astype(float)
        for i, (name, values) in enumerate(lines.items()):
            axes.plot(x, as_array(values).astype(float), color=CATEGORIES[i], linestyle=DASHES[i % 4], label=name)
        for i, (name, values) in enumerate(dots.items()):
            y, marker = as_array(values).astype(float), "osD^"[i % 4]
            axes.plot(x, y, linestyle="", marker=marker, markersize=6, color=CATEGORIES[i], label=name)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
        axes.set(xlabel="batch size", title=title)
        axes.legend(fontsize=10, handlelength=2.2)
    return fig
