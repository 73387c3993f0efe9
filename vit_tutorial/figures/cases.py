"""Pictures of the case studies: where crops were taken, where a run stopped, two readings of one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from vit_tutorial.figures.attention import draw_overlay, to_map
from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, SIGNED, figure, style

Box = tuple[int, int, int, int]
DASHES = ("-", "--", ":")


@style()
def crop_boxes(picture: Any, boxes: Mapping[str, Sequence[Box]]) -> Figure:
    """A photograph and the frames of the pieces that were cut from it, a colour and a line style a group.

    Args:
        picture: as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        boxes: for each group, such as a split, its (left, top, right, bottom) in pixels.
    """
    image = to_picture(picture)
    height, width = image.shape[:2]
    fig = figure(height=3.4, width=min(6.9, 3.2 * width / height + 1.2))
    axes = fig.subplots()
    show(axes, 0.35 + 0.65 * image)
    for number, (name, group) in enumerate(boxes.items()):
        colour, dash = CATEGORIES[number % len(CATEGORIES)], DASHES[number % len(DASHES)]
        for left, top, right, bottom in group:
            corner = (left - 0.5, top - 0.5)
            frame = Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=colour, linestyle=dash)
            axes.add_patch(frame)
        axes.plot([], [], color=colour, linestyle=dash, label=name)
    fig.legend(loc="outside right upper")
    return fig


@style()
def stopping_point(history: Sequence[Mapping[str, Any]], best_epoch: int, limit: int) -> Figure:
    """Validation accuracy and both losses over a run, the epoch whose weights were kept, and the epochs that were not needed.

    Args:
        history: rows with ``epoch``, ``train_loss``, ``val_loss`` and ``val_accuracy``.
        best_epoch: the one that was kept.
        limit: the epochs that the run was allowed.
    """
    epochs = [row["epoch"] for row in history]
    fig = figure(height=2.9)
    for axes, curves in zip(fig.subplots(1, 2), (("train_loss", "val_loss"), ("val_accuracy",))):
        for name in curves:
            training = name.startswith("train")
            axes.plot(
                epochs,
                [row[name] for row in history],
                color=CATEGORIES[3 if training else 0],
                linestyle="--" if training else "-",
                label="training" if training else "validation",
            )
        axes.axvline(best_epoch, color=INK, linewidth=1)
        axes.axvspan(epochs[-1], limit, color=LINE, alpha=0.6, linewidth=0)
        axes.set_xlim(0, max(limit, epochs[-1]))
        axes.set_xlabel("epoch (line: kept; grey: not run)", fontsize=9)
        axes.set_title("Loss" if len(curves) == 2 else "Validation accuracy")
    left, right = fig.axes
    left.legend()
    right.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=" %"))
    return fig


@style()
def two_readings(image: Any, attention: Any, lost: Any, grid_size: tuple[int, int], title: str = "Image") -> Figure:
    """An image, what was attended to in it, and what its answer loses when a patch is hidden.

    Args:
        image: as :func:`~vit_tutorial.figures.images.to_picture` takes it.
        attention: [N] or [rows, columns], not negative.
        lost: [rows, columns] change of the answer's probability, positive where hiding costs.
        grid_size: (rows, columns), N = rows * columns.
        title: above the image.

    Raises:
        ValueError: maps of another size.
    """
    picture, weights, drops = to_picture(image), to_map(attention, grid_size), as_array(lost).astype(float)
    if drops.shape != tuple(grid_size):
        raise ValueError(f"lost is {list(drops.shape)}, the grid of patches {list(grid_size)}")
    fig = figure(height=2.6)
    left, middle, right = fig.subplots(1, 3)
    show(left, picture)
    left.set_title(title)
    draw_overlay(middle, picture, weights)
    middle.set_title("Attention")
    most = float(np.abs(drops).max()) or 1.0
    height, width = picture.shape[:2]
    edges = (-0.5, width - 0.5, height - 0.5, -0.5)
    show(right, picture if picture.ndim == 2 else picture @ [0.2126, 0.7152, 0.0722])
    map_ = right.imshow(drops, cmap=SIGNED, vmin=-most, vmax=most, alpha=0.8, extent=edges)
    right.set_title("Lost when hidden")
    bar = fig.colorbar(map_, ax=right, shrink=0.75, format=lambda value, _: f"{100 * value:+.3g}" if value else "0")
    bar.set_label("points", fontsize=9, color=MUTED)
    return fig
