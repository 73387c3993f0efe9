"""Pictures for data larger than memory: how far an order mixes what came sorted."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import CATEGORIES, MUTED, figure, style


@style()
def mixing(order: Any, labels: Any, batch_size: int, title: str) -> Figure:
    """Where each item of a stream came from, and the classes of the batches that it makes.

    Args:
        order: [N], the place in the source of the item that comes out as number 0, 1, ....
        labels: [N], the class of each item in the source, 0 to at most 9.
        batch_size: B; the N // B whole batches are drawn.
    """
    came_from, classes = as_array(order), as_array(labels)
    n = len(came_from)
    fig = figure(height=3.6)
    left, right = fig.subplots(1, 2)
    left.plot([0, n], [0, n], color=MUTED, linewidth=1, zorder=0)
    left.scatter(range(n), came_from, s=3, color=CATEGORIES[0], linewidths=0)
    left.set(xlim=(0, n), ylim=(0, n), xlabel="place in the stream", ylabel="place in the source", title=title)
    batches = classes[came_from][: n // batch_size * batch_size].reshape(-1, batch_size)
    bottom = [0.0] * len(batches)
    for k in sorted({*classes.tolist()}):
        share = (batches == k).mean(1)
        right.bar(
            range(len(batches)), share, bottom=bottom, width=1, color=CATEGORIES[k % len(CATEGORIES)],
            alpha=1 if k < len(CATEGORIES) else 0.5, linewidth=0,
        )  # fmt: skip
        bottom = [low + height for low, height in zip(bottom, share.tolist())]
    right.set(
        xlim=(-0.5, len(batches) - 0.5), ylim=(0, 1), xlabel="batch", ylabel="share of each class", title="classes"
    )
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    return fig
